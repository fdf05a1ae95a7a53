"""Region proposal network (Faster R-CNN): the network itself proposes where an object might be.

    anchors.py           boxes of several sizes and shapes around every cell of the feature map
    anchor_targets.py    which anchors the network shall call objects, and how they should move
    proposals.py         from scores and moves of all anchors to a few boxes
    propose.py           the same from a network's map of a picture
    picture_area.py      where a picture lies in the network's padded square
    proposal_targets.py  which of these the detector learns from, and what they show
    losses.py            what training makes small

Ren, He, Girshick, Sun: Faster R-CNN, 2015. Where published implementations differ, a function's options say which.
"""
