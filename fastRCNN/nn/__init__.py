"""Part 2: training the network itself as the classifier.

What happens in which module, in the order of a training:

    train_network.py   picks PyTorch or CNTK, shows progress, keeps log and checkpoint in one folder
    memory.py          how much memory it needs, and how much there is
    sampling.py        pictures to learn from; which of their ROIs take part in an epoch
    network.py         what of the network stays as it is, what learns, and the new output layers
    trainable_layers.py  layers with weights of their own, and new ones (fastRCNN.faster learns with them, too)
    features.py        what the frozen part gives for each picture, computed once
    start.py           a good start for the layer of the scores
    training.py        the epochs: draw, sum losses, step, check
    finite.py          stops where numbers run away
    losses.py          cross entropy of the classes, smooth L1 of the boxes
    learning_rate.py   rate by epoch, warm-up, CNTK's momentum
    checkpoints.py     the state after an epoch, to go on from
    training_log.py    one line of numbers for each epoch, as tsv and as a picture
    cntk_trainer.py    the same training by CNTK's own learner

It starts from a `fastRCNN.network.network.Network` and ends with one, and a `BoxRegressor` beside it.
"""
