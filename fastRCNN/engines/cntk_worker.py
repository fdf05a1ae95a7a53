"""The CNTK side of `--engine cntk`: runs in a Python 3.6 of its own and obeys messages on its pipes.

Started by cntk_process.py as `.venv-cntk/bin/python cntk_worker.py THREADS`; imports cntk, numpy and the standard
library alone. Commands come on stdin and answers go to what was stdout (cntk_link.py says how they look); whatever
CNTK prints goes to stderr. It ends when its stdin closes, and when its parent is gone.

Letters in shapes: S side of the padded picture, N ROIs, C channels, D outputs per ROI.
"""

import os
import signal
import sys
import threading
import time
import traceback

import cntk_link as link

if __name__ == "__main__":  # before CNTK is imported, which prints
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if os.name == "nt":
        import msvcrt

        for stream in (sys.stdin, answers):
            msvcrt.setmode(stream.fileno(), os.O_BINARY)

# When it is imported on Linux, CNTK runs `ldconfig -N` over the library path to see which warnings to print. That takes
# time and, as root, makes links in those folders. Without a PATH it finds no ldconfig.
path = os.environ.get("PATH", "")
if os.name != "nt":
    os.environ["PATH"] = ""
import cntk as C  # noqa: E402

os.environ["PATH"] = path
import cntk_graph as graph  # noqa: E402
import cntk_reading as reading  # noqa: E402
import numpy as np  # noqa: E402
from cntk_training import train  # noqa: E402

_ROI_BLOCK = 1000  # ROIs that go through the head at once: bounds the memory


class Worker(object):
    """Holds one network; each public method is a command: (header, arrays) -> (header, arrays) of the answer."""

    def __init__(self, answer, next_message):
        self.answer = answer  # sends a message while a command runs
        self.next_message = next_message  # waits for one
        self.header, self.arrays, self.model = None, None, None

    # Loading

    def hello(self, header, arrays):
        """Say which versions run here."""
        threads = C.cntk_py.get_max_num_cputhreads()
        python = ".".join(map(str, sys.version_info[:3]))
        return {"cntk": C.__version__, "python": python, "numpy": np.__version__, "threads": threads}, {}

    def load(self, header, arrays):
        """Build the network from a weight file's header with the arrays of the message, or of the npz `path`."""
        if "path" in header:
            with np.load(header["path"], allow_pickle=False) as file:
                arrays = {key: file[key].astype(np.float32) for key in file.files if key != "header"}
        self._build(header["network"], arrays)
        return self._described(), {}

    def load_model(self, header, arrays):
        """Load a CNTK `.model` and take its trunk and head over as they are, by cloning."""
        self.model = C.load_model(header["path"])
        nodes = reading.find_nodes(self.model, header.get("names"))
        kept = reading.remembered(self.model)
        pooling = {"size": 6, "spatial_scale": 0.0625}
        if nodes.pools_rois:
            attributes = nodes.pool.owner.attributes
            pooling = {"size": attributes["roiOutputShape"][0], "spatial_scale": attributes["spatialScale"]}
        channels = nodes.conv.shape[0]
        self.pixels, self.rois = graph.picture_input(), graph.rois_input()
        self.map = C.input_variable((channels, graph.FREE, graph.FREE), name="map")
        pooled = graph.pooled(self.map, self.rois, pooling)
        self.trunk, self.head = reading.adopt(nodes, self.pixels, self.map, pooled, kept.pop("mean_outside", 0))
        self.pool, self.nodes, self.header, self.arrays = pooled, nodes, dict(kept, pooling=pooling), None
        return self._described(), {}

    def network(self, header, arrays):
        """Return the network as a weight file's header and arrays."""
        self._understand()
        return {"network": self.header}, self.arrays

    def _build(self, network, arrays):
        self.header, self.arrays, self.model, self.nodes = network, arrays, None, None
        self.pixels, self.rois = graph.picture_input(), graph.rois_input()
        self.trunk = graph.trunk(network, arrays, self.pixels)
        self.channels = self.trunk.shape[0]
        self.map = C.input_variable((self.channels, graph.FREE, graph.FREE), name="map")
        self.pool = graph.pooled(self.map, self.rois, network["pooling"])
        self.head = graph.head(network, arrays, self.pool, self.channels)

    def _understand(self):
        """Know the network's layers and arrays, also when it came as a `.model`."""
        if self.arrays is None:
            network, arrays = reading.read_network(self.model, self.nodes)
            self._build(network, arrays)

    def _described(self):
        return {"feature_dimension": int(self.head.shape[-1]), "classes": self.header.get("classes")}

    # Evaluation

    def embed(self, header, arrays):
        """Return "output" (N, D) for "picture" (S, S, 3) uint8 BGR and "rois" (N, 4)."""
        feature_map = self.map_of(arrays["picture"])
        return {}, {"output": self._in_blocks(self.head, feature_map, arrays["rois"])}

    def feature_map(self, header, arrays):
        """Return "map" (C, H, W) for "picture" (S, S, 3)."""
        return {}, {"map": self.map_of(arrays["picture"])}

    def head_of_map(self, header, arrays):
        """Return "output" (N, D) for "map" (C, H, W) and "rois" (N, 4)."""
        return {}, {"output": self._in_blocks(self.head, arrays["map"], arrays["rois"])}

    def pool_rois(self, header, arrays):
        """Return "pooled" (N, C, size, size) for "map" (C, H, W) and "rois" (N, 4); needs no network."""
        x = C.input_variable(arrays["map"].shape)
        rois = graph.rois_input()
        pooling = {"size": header["size"], "spatial_scale": header["spatial_scale"]}
        pooled = graph.pooled(x, rois, pooling)
        return {}, {"pooled": _first(pooled.eval({x: arrays["map"][None], rois: arrays["rois"][None]}))}

    def map_of(self, picture):
        pixels = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)
        return _first(self.trunk.eval({self.pixels: pixels[None]}))

    def _in_blocks(self, function, feature_map, rois):
        inputs = {self.map: feature_map[None]}
        blocks = [np.zeros((0, int(function.shape[-1])), np.float32)]
        for start in range(0, len(rois), _ROI_BLOCK):
            block = np.array(rois[None, start : start + _ROI_BLOCK], np.float32)
            inputs[self.rois] = block
            blocks.append(_first(function.eval(inputs)))
        return np.concatenate(blocks)

    # Training and files

    def train(self, header, arrays):
        """Train the head and a new layer of class scores; cntk_training.py lists the messages that follow."""
        self._understand()
        network, trained = train(self, header, arrays)
        self._build(network, trained)
        return self._described(), {}

    def save(self, header, arrays):
        """Write the network to `path` as a CNTK `.model`: features and rois in, embeddings or scores out.

        With "for_examples" as CNTK's own detection examples want it: convolutions that can be trained, and without the
        mean that those programs subtract themselves.
        """
        self._understand()
        outside = reading.EXAMPLES_SUBTRACT if header["for_examples"] else 0
        whole = self._whole(graph.parameter if header["for_examples"] else graph.constant, outside)
        reading.remember(whole, dict(self.header, mean_outside=outside or None))
        whole.save(header["path"])
        return {}, {}

    def export_onnx(self, header, arrays):
        """Write trunk and head to two ONNX files. CNTK's exporter refuses ROI pooling over a batch of pictures."""
        self._understand()
        trunk_pixels = graph.picture_input(header["side"])
        graph.trunk(self.header, self.arrays, trunk_pixels).save(header["trunk"], format=C.ModelFormat.ONNX)
        size = self.header["pooling"]["size"]
        pooled = C.input_variable((graph.FREE, self.channels, size, size), name="pooled")
        graph.head(self.header, self.arrays, pooled, self.channels).save(header["head"], format=C.ModelFormat.ONNX)
        try:
            self._whole().save(header["whole"], format=C.ModelFormat.ONNX)
        except Exception as error:
            return {"whole": False, "why": _one_line(error)}, {}
        return {"whole": True}, {}

    def _whole(self, make=graph.constant, outside=0):
        pixels, rois = graph.picture_input(), graph.rois_input()
        trunk = graph.trunk(self.header, self.arrays, pixels, make, outside)
        pooled = graph.pooled(trunk, rois, self.header["pooling"])
        return graph.head(self.header, self.arrays, pooled, self.channels)

    def read_ctf(self, header, arrays):
        """Return the numbers of a text file as CNTK's own CTFDeserializer reads them: "values" (lines, numbers)."""
        width, field = header["width"], header["field"]
        stream = C.io.StreamDef(field=field, shape=width, is_sparse=False)
        reader = C.io.CTFDeserializer(header["path"], C.io.StreamDefs(values=stream))
        source = C.io.MinibatchSource([reader], randomize=False, max_sweeps=1)
        rows = []
        while True:
            minibatch = source.next_minibatch(64)
            if not minibatch:
                break
            rows.append(np.array(minibatch[source.streams.values].asarray()).reshape(-1, width))
        return {}, {"values": np.concatenate(rows).astype(np.float32)}


def _first(value):
    """The only picture of a minibatch of one."""
    return np.ascontiguousarray(np.asarray(value)[0], np.float32)


def _one_line(error):
    lines = str(error).strip().splitlines() or [""]
    place = traceback.extract_tb(sys.exc_info()[2])[-1]
    return "{}: {} ({}:{})".format(type(error).__name__, lines[0], os.path.basename(place.filename), place.lineno)


def _leave_with(parent):
    """End this process when its parent is gone, also when that was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it closes our stdin
    if os.name != "nt":
        threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    threads = int(sys.argv[1])
    if threads > 0:
        C.cntk_py.set_max_num_cputhreads(threads)
    requests = sys.stdin.buffer
    worker = Worker(lambda header: link.write_message(answers, header), lambda: link.read_message(requests))
    while True:
        message = link.read_message(requests)
        if message is None:
            return
        header, arrays = message
        try:
            if header["command"].startswith("_"):
                raise ValueError("unknown command")
            answer, out = getattr(worker, header["command"])(header, arrays)
        except link.BrokenLink:
            return
        except Exception as error:
            traceback.print_exc()
            link.write_message(answers, {"error": _one_line(error)})
        else:
            link.write_message(answers, dict(answer, ok=True), out)


if __name__ == "__main__":
    main()
