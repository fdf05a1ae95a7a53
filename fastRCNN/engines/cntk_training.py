"""Train the head of a network with CNTK's own learner, after the tutorial. Runs in the worker (Python 3.6, CNTK 2.7).

The tutorial's recipe: the convolutions are frozen; cross entropy with softmax, summed over the ROIs of a picture;
momentum SGD with unit gain, momentum per minibatch exp(-pictures / time constant); learning rate per sample (a
picture), which the parent divides by the ROIs; L2 regularisation; dropout as the head says. The parent says which
pictures and ROIs make the next minibatch; ROIs of weight 0 only fill pictures up to the same number.

"input_scale" multiplies what goes into the head during the training (so that it has the size the learning rates are
made for); afterwards it is part of the last convolution's weights, or of the first linear layer's.

Frozen convolutions give the same map in every epoch, so each picture's map is computed once and kept in a file.

CNTK 2.7's step, found by comparing with arithmetic in double precision (M pictures in the minibatch, g the sum of
their gradients): v = m v + (1 - m) r (g + M l2 w); w = w - v. The rate r stands inside the running mean v.
"""

import tempfile

import cntk as C
import cntk_graph as graph
import cntk_link as link
import numpy as np


def train(worker, header, arrays):
    """Obey the messages "picture", "minibatch" and "finish"; return (network header, arrays) of the result."""
    layers = [layer for layer in worker.header["head"] if layer.get("name") != "score"]
    layers.append({"type": "linear", "name": "score", "out": len(header["classes"])})
    network = dict(worker.header, classes=header["classes"], head=layers)
    C.cntk_py.set_fixed_random_seed(int(header["seed"]) + 1)  # of the dropout; 0 would be no seed
    with tempfile.TemporaryFile(dir=header.get("scratch")) as file:
        training = _Training(worker, network, header, dict(worker.arrays, **arrays), file)
        while True:
            message = worker.next_message()
            if message is None:
                raise link.BrokenLink("the training was not finished")
            values, given = message
            if values["command"] == "finish":
                return network, training.weights()
            if values["command"] == "picture":
                training.add(given["picture"])
                worker.answer({"event": "picture"})
            else:
                loss, wrong = training.learn(values["maps"], values["rate"], given)
                worker.answer({"event": "minibatch", "loss": loss, "wrong": wrong})


class _Training(object):
    """The maps of the pictures, the functions to train, and CNTK's trainer."""

    def __init__(self, worker, network, header, weights, file):
        self.worker, self.network, self.header, self.first, self.file = worker, network, header, weights, file
        self.count, self.shape, self.trainer, self.rate = 0, None, None, None

    def add(self, picture):
        """Compute and keep the map of `picture` (S, S, 3)."""
        feature_map = self.worker.map_of(picture) * np.float32(self.header["input_scale"])
        if self.shape not in (None, feature_map.shape):
            raise ValueError("the padded pictures differ in size")
        self.shape = feature_map.shape
        self.file.write(np.ascontiguousarray(feature_map).data)
        self.count += 1

    def learn(self, maps, rate, given):
        """Learn from one minibatch: maps (k,) numbers, "rois" (k, n, 4), "labels" (k, n), "weights" (k, n)."""
        if self.trainer is None:
            self._build(rate)
        if rate != self.rate:
            self.learner.reset_learning_rate(C.learning_parameter_schedule_per_sample(rate))
            self.rate = rate
        feature_maps = np.array(self.maps[maps])
        one_hot = np.eye(len(self.header["classes"]), dtype=np.float32)[given["labels"]]
        data = {self.x: feature_maps, self.rois: given["rois"], self.target: one_hot}
        data[self.weight] = given["weights"][:, :, None]
        self.trainer.train_minibatch(data)
        sums = self.trainer.previous_minibatch_loss_average, self.trainer.previous_minibatch_evaluation_average
        return sums[0] * len(maps), sums[1] * len(maps)

    def weights(self):
        """Return all arrays, those of the head as they are trained so far."""
        result = dict(self.first)
        for parameter in self.scores.parameters if self.trainer is not None else ():
            value = parameter.value
            if parameter.name.endswith(".weight"):
                value = value.reshape(-1, value.shape[-1]).T
            result[parameter.name] = np.ascontiguousarray(value, np.float32)
        for name in self._before_the_head():
            if name in result:
                result[name] = result[name] * np.float32(self.header["input_scale"])
        return result

    def _before_the_head(self):
        """The arrays whose factor is one of the head's input: the last convolution's, or the first linear layer's."""
        for layer in reversed(self.network["trunk"]):
            if layer["type"] == "conv":
                return layer["name"] + ".weight", layer["name"] + ".bias"
            if layer["type"] not in ("relu", "maxpool", "averagepool"):
                break
        return [layer["name"] + ".weight" for layer in self.network["head"] if layer["type"] == "linear"][:1]

    def _with_dropout(self):
        """The network, its dropout layers as the training wants them."""
        layers, dropped = self.network["head"], self.header.get("dropout")
        if dropped is None:
            return self.network
        head = [dict(layer, p=dropped) if layer["type"] == "dropout" else layer for layer in layers]
        return dict(self.network, head=head)

    def _build(self, rate):
        self.file.flush()
        self.maps = np.memmap(self.file, np.float32, "r", shape=(self.count,) + self.shape)
        self.x, self.rois = C.input_variable(self.shape), graph.rois_input()
        self.target = C.input_variable((graph.FREE, len(self.header["classes"])))
        self.weight = C.input_variable((graph.FREE, 1))
        pooled = graph.pooled(self.x, self.rois, self.network["pooling"])
        self.scores = graph.head(self._with_dropout(), self.first, pooled, self.worker.channels)
        loss = C.reduce_sum(C.cross_entropy_with_softmax(self.scores, self.target, axis=1) * self.weight)
        wrong = C.reduce_sum(C.classification_error(self.scores, self.target, axis=1) * self.weight)
        self.learner = C.momentum_sgd(
            self.scores.parameters,
            C.learning_parameter_schedule_per_sample(rate),
            C.momentum_as_time_constant_schedule(self.header["momentum_time_constant"]),
            unit_gain=True,
            l2_regularization_weight=self.header["l2_reg_weight"],
        )
        self.trainer, self.rate = C.Trainer(self.scores, (loss, wrong), [self.learner]), rate
