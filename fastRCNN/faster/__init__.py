"""Training of Faster R-CNN: a network that proposes its regions itself, and the detector behind it.

What happens in which module, in the order of a training:

    train_faster.py  shows progress, keeps log and checkpoint in one folder
    held_out.py      which pictures are not learnt from, where that is wanted
    recipe.py        every number of it, by the names of PARAMETERS.py
    start.py         the network to start from, and its anchors
    cells.py         where the cells of a map look, and how to make them look where ROI pooling takes them to
    anchors.py       anchors that fit the training boxes, and how many objects they cover
    memory.py        how much memory it needs
    network.py       what of the network stays as it is, what learns, and the new layers
    phases.py        end to end: one phase; in stages: four
    training.py      the epochs: change pictures, sum losses, step, check
    pictures.py      annotated pictures and their boxes in the network's square
    changes.py       ... changed at random: mirrored, scaled, shifted, four in one; appearance.py: colours, blur, noise
    rates.py         how fast each layer learns
    steps.py         one picture forward: targets of anchors, proposals and what they show, the four losses
    optimisers.py    momentum or Adam; a running mean of the weights
    state.py         all of this as a checkpoint
    validation.py    how good it is on pictures that are held out

The rules of anchors and proposals are in `fastRCNN.rpn`; checkpoints, the table of an epoch and the losses of ROIs are
those of classifier nn (`fastRCNN.nn`). Ren, He, Girshick, Sun: Faster R-CNN, 2015.
"""
