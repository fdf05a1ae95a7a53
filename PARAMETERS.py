"""Every parameter of the tutorial, in one place: edit the values here, or give one as `--set NAME=VALUE`.

The scripts call `get_parameters(sys.argv[1:])`, which lays the overrides of the data set over these values, then the
command line over both, and checks the result. With `--compat tutorial`, `published` says what stands for "fitted".
"""

from argparse import ArgumentParser
from collections.abc import Sequence

from easydict import EasyDict

from fastRCNN.datasets import layouts
from fastRCNN.pipeline import classifiers
from helpers.parameters import Limits, build_parameters
from helpers.parameters import make_parser as make_parser_for

# ---- what to work on -------------------------------------------------------------------------------------------------
datasetName = "grocery"  # folder below data/
datasetPath = ""  # where it lies, if not there; relative to --root
datasetLayout = "auto"  # "tutorial" (positive/, negative/, testImages/), "voc", "coco", or as the folder looks
skipDamagedPictures = False  # True: damaged pictures are left out, and listed by every step, instead of stopping
trainSets = ""  # lists of pictures to learn from in a VOC or COCO folder, like "2007_trainval+2012_trainval"
testSets = ""  # lists of pictures to test on; empty: the usual one that is there
datasetPrecomputedRois = True  # VOC: the published boxes, where selective_search_data/ is (not with "rpn")
# "svm": linear SVMs on the network's 4096 floats; "nn": the network's own softmax layer; "faster": Faster R-CNN, whose
# network finds the ROIs itself, so that steps 1 and 2 are not needed
classifier = "svm"
classes: list[str] = []  # names without the background; empty: all labels found in the training annotations, sorted

# ---- regions of interest (step 1); "Rel" is relative to the picture's longest side -----------------------------------
roi_maxImgDim = 200  # pixels: longest side of the picture that ROIs are generated on
# The limits of ROIs are numbers or "fitted": so that all annotated objects of training pictures pass, and ROIs whose
# sides are 20 % smaller or larger (more where objects are few). Step 1 prints them, a trained detector keeps them.
roi_minDimRel: float | str = "fitted"  # smallest width and height of a ROI
roi_maxDimRel: float | str = "fitted"  # largest width and height
roi_minNrPixelsRel: float | str = "fitted"  # smallest area, relative to the squared longest side
roi_maxNrPixelsRel: float | str = "fitted"  # largest area
roi_maxAspectRatio: float | str = "fitted"  # width : height and height : width at most
# Where cntk_nrRois is small: "fitted" deals them among five groups of sizes, each with a fifth of the training objects;
# or edges between groups, the root of the area relative to the longest side: [0.05, 0.2]; "none": as they are ranked
roi_sizeGroups: list[float] | str = "none"

# Selective Search (Uijlings et al. 2013)
# "fast": ours; "selectivesearch" (the package's boxes), "package", "opencv", "opencv-quality", "dlib"; "rpn": a network
# proposes regions; "rpn+fast": both together. Which network: the one that step 3 with --classifier faster has trained
# on this data set, else the bundled one (resources/cntk/proposals.npz). With 100 to 300 ROIs "rpn" is far better for
# many small things in a picture, like blood cells; it takes 0.15 s more for each picture (benchmarks/REAL.md).
# The ROIs of "rpn+fast" lie a little better than those of "rpn" (benchmarks/ROIS.md); mAP of groceries is the same
ss_method = "fast"
ss_scale = 100.0  # larger: fewer, larger segments to start from (selectivesearch)
ss_sigma = 1.2  # blur before segmenting (selectivesearch)
ss_minSize = 20  # pixels: smallest segment
ss_kvals = (50, 500, 6)  # start, end and number (100 at most) of segmentation scales (fast, dlib)
ss_max_merging_iterations = 20  # how often regions of one segmentation are merged (dlib)
ss_maxRois = 1000  # at most this many selective-search ROIs for each picture: the best
ss_nmsThreshold = 0.85  # of two ROIs that overlap more, the lower-ranked one is dropped

# grid: boxes of several sizes and shapes, evenly spread
grid_nrScales = 7  # number of cell sizes, from the picture's shorter side down
grid_downscaleRatioPerIteration = 1.5  # from one cell size to the next
grid_aspectRatios = [1.0, 2.0, 0.5]  # width : height of the boxes
grid_stepSizeRel = 0.5  # from one box to the next, relative to the cell

# ---- the network (steps 2 and 3) -------------------------------------------------------------------------------------
cntk_model = ""  # weight file; empty: resources/cntk/AlexNet.npz, or He-initialised filters if there is none
cntk_nrRois = 1000  # ROIs for each picture, the best: more cost time and find more (the tutorial: 2000)
cntk_padWidth = 1000  # pixels: the picture is scaled and padded to this square ...
cntk_padHeight = 1000  # ... so both must be equal
# Pictures larger than that can be cut into overlapping tiles, squares that each fill it, so that small objects stay
# visible: 1: not; 2, 3, ...: so many along the longer side; "auto": so many that no pixel is scaled down. Each ROI is
# looked at in the tile that shows it best, one that fits into none in the whole picture. Give roi_maxImgDim the pixels
# that small ROIs need as well. Not with --compat tutorial.
cntk_tiles: int | str = 1
cntk_tileOverlap = 0.25  # part of a tile that its neighbour shows too: ROIs up to this part of it are whole in one
cntk_precision = "auto"  # "float32"; "bfloat16": several times as fast on new processors; "auto": where that is so
cntk_embeddingType = "auto"  # numbers on disk: "float32"; "float16": half as much; "auto": that where it harms nothing
cntk_svdRanks: list[int] = []  # [1024, 256]: fc6, fc7 of a trained network cut to so many singular values; faster
train_posOverlapThres = 0.5  # a ROI shows an object from this overlap (intersection over union) on

# training of the network (classifier "nn")
cntk_trainingPrecision = "float32"  # or "bfloat16": classifier "faster" as well; faster on new processors, less exact
cntk_max_epochs = 18  # passes over the training pictures
cntk_mb_size = 5  # pictures in a minibatch
cntk_l2_reg_weight = 0.0005  # weight decay
cntk_lr_per_image = [0.01] * 10 + [0.001] * 5 + [0.0001]  # learning rate by epoch; the last one goes on
cntk_momentum_time_constant = 10.0  # momentum of a minibatch = exp(-pictures in it / this)
cntk_maxMemory = 0.0  # GB for what the frozen layers give, the rest goes to files; 0: half of what is free
nn_roisPerImage = 64  # ROIs of a picture drawn for each epoch; 0: all, as in the tutorial
nn_foregroundFraction = 0.25  # at most this part of them shows objects
nn_backgroundOverlap = 0.0  # background ROIs that overlap an object at least this much come first
nn_flip = False  # half of the pictures of an epoch are mirrored left to right
nn_trainConvFrom = 0  # convolutions (or residual blocks) that learn as well: from this one on; 0: none
nn_bboxRegression = True  # also learn to move ROIs onto objects
nn_bboxWeight = 1.0  # weight of the boxes in the loss
nn_warmupEpochs = 0.0  # the learning rate rises from 0 during this many epochs
nn_headNorm = 20.0  # mean length that the numbers behind fc6 and fc7 are scaled to at first; 0: left as they are
nn_fitScoreFirst = True  # start the new layers where they fit the embeddings best, instead of at random
nn_fittedRois = 16000  # ROIs that they are fitted to: all objects, and background, half of it next to objects
nn_fittedL2 = 1e-6  # weight decay of the fit of the scores
nn_fittedRidge = 0.0  # ridge of the fit of the boxes: larger moves less; 0: chosen by left-out pictures
nn_rateFactor = 0.01  # of the learning rates: a layer that starts where it fits needs small steps only
nn_dropout = 0.0  # part of the numbers behind fc6 and fc7 that is dropped in training; the tutorial's 0.5

# ---- Faster R-CNN (classifier "faster", step 3): the network proposes the ROIs, too ----------------------------------
rpn_anchorScales: list[float] | str = "fitted"  # to the training boxes; or scales of 16 pixels: [8, 16, 32]
rpn_anchorRatios = [0.5, 1.0, 2.0]  # height : width of anchors that are not fitted
rpn_nrAnchors = 9  # fitted anchors in a cell
rpn_channels = 256  # of the layer that looks at the map
rpn_batchSize = 256  # anchors of a picture that are learnt from at a time
rpn_foregroundFraction = 0.5  # at most this part of them shows objects
rpn_positiveOverlap = 0.7  # an anchor shows an object from this overlap on ...
rpn_negativeOverlap = 0.3  # ... and background below this one
rpn_border = 1000  # pixels that anchors which are learnt from may reach beyond the picture; published: 0
rpn_sigma = 3.0  # where the loss of the anchors' offsets turns from square to linear: at 1 / sigma^2
rpn_nmsThreshold = 0.7  # of two proposals that overlap more, the lower-scored one is dropped
rpn_minSide = 8.0  # pixels of the original picture: smallest side of a proposal
rpn_trainBeforeNms = 2000  # in training so many proposals take part in non-maximum suppression ...
rpn_trainAfterNms = 500  # ... and so many are left
rpn_testBeforeNms = 2000  # the same for the trained network
rpn_testAfterNms = 300
faster_training = "e2e"  # end to end; "stages": in four stages, proposals and detector in turn
faster_roisPerImage = 128  # proposals of a picture that the detector learns from at a time
faster_foregroundFraction = 0.25  # at most this part of them shows objects
faster_foregroundOverlap = 0.5  # a proposal shows an object from this overlap on
faster_backgroundOverlap = 0.0  # background overlaps an object at least this much
faster_sigma = 1.0  # as rpn_sigma, for the detector
faster_bboxPerClass = False  # True: offsets of their own for each class, as published
faster_alignCells = True  # pad the picture so that cells of the map look where ROI pooling takes them to be
faster_pooling = "align"  # ROIs between the cells of the map; "max": to whole cells; "network": as in its weight file
faster_hiddenLayers: list[int] = [256]  # new layers of so many numbers, where a network ends with its map: EfficientNet
faster_max_epochs = 20  # passes over the training pictures, end to end
faster_rpnEpochs = 6  # in four stages, of each stage that learns to propose
faster_detectorEpochs = 14  # and of each that learns to detect
faster_mb_size = 1  # pictures in a minibatch
faster_optimiser = "adam"  # or "sgd", with momentum
faster_lr_per_image = [0.0005]  # learning rate by epoch; the last one goes on
faster_rpn_lr_per_image = [0.0005]  # the same in the stages that learn to propose
faster_detector_lr_per_image = [0.0005]  # and in those that learn to detect
faster_cosine = True  # the rate falls to 0 along a cosine
faster_oldRateFactor = 0.3  # of the rate, for layers that were trained before
faster_layerRateDecay = 1.0  # each of these learns at this part of the rate of the one behind it; 1: all alike
faster_biasRateFactor = 1.0  # of the rate, for biases; published: 2
faster_warmupEpochs = 1.0  # the learning rate rises from 0 during this many epochs
faster_momentum = 0.9  # of "sgd"
faster_l2_reg_weight = 0.0005  # weight decay
faster_clipNorm = 10.0  # gradients longer than this are shortened to it; 0: none
faster_ema = 0.99  # the result is a running mean of the weights that forgets at this rate; 0: the last weights
faster_dropout = 0.0  # part of the numbers behind fc6 and fc7 that is dropped in training
faster_trainConvFrom = 3  # convolutions that learn as well: from this one on; 0: none
faster_flip = True  # half of the pictures are mirrored left to right
faster_scaleJitter = 0.2  # pictures are made larger or smaller by up to this part
faster_colourJitter = 0.2  # brightness, contrast and saturation change by up to this part
faster_blur = 0.0  # part of the pictures that is blurred
faster_noise = 0.0  # part of them that gets noise, like a camera's in the dark
faster_mosaic = 0.0  # part of them that shows parts of four pictures at once; 0.5 helps a little (benchmarks/FASTER.md)
faster_negatives = True  # pictures without objects are learnt from as well
faster_validation = 0.0  # part of the training pictures that is held out: the best epoch by their mAP is kept
faster_patience = 0  # epochs without a better mAP on them after which it ends (end to end only); 0: never

# ---- support vector machines (step 4) --------------------------------------------------------------------------------
svm_C = 0.001  # cost of a violated margin: larger follows the training data closer
svm_B = 10.0  # intercept scaling
svm_nrEpochs = 2  # passes of hard negative mining
svm_retrainLimit = 2000  # this many new hard negatives trigger a retraining
svm_retrainGrowth = 0.5  # ... but not before this part of those in play, where that is more
svm_maxMemory = 2.0  # GB of embeddings held at once; what does not fit is stood for by a random part
# "stored": step 3 writes the embeddings, and steps 4 and 5 read them; "computed": these run the network again in each
# pass over the pictures: longer, and no disk; "auto": stored, if half of the disk that is free has room for them
svm_embeddings = "auto"
svm_evictThreshold = -1.1  # after a retraining, negatives scoring lower are easy and dropped
svm_hardNegativeScore = -1.0001  # a negative is hard when it scores above this ...
svm_hardNegativeOverlap = 0.3  # ... and overlaps the objects of the class by less than this
svm_posWeight = "balanced"  # weight of the positives: "balanced", or a number
svm_targetNorm = 20.0  # mean length of a feature vector after scaling
svm_penality = "l2"  # penalty of large weights
svm_loss = "hinge"  # "hinge" (the tutorial called it l1), or "squared_hinge"
svm_rngSeed = 3  # of the solver
svm_bboxRegression = True  # also learn to move ROIs onto objects: a ridge regression (R-CNN, appendix C)
svm_bboxRidge = 0.0  # its ridge: larger moves less; 0: chosen by left-out pictures, and no moving where that is best
svm_skipClassesWithoutPositives = False  # True: train the other classes instead of stopping; it is never detected

# ---- detections (steps 5 and 6) --------------------------------------------------------------------------------------
nmsThreshold = 0.3  # of two detections of a class that overlap more, the lower-scored one is dropped
nmsThresholds: dict[str, float] = {}  # classes with another: {"RBC": 0.5} for things that stand close together
nms_softSigma = 0.0  # above 0: nothing is dropped, what overlaps a better one by o scores exp(-o * o / this) of it
# a ROI is a detection of every class that scores this much; None: of its best class only, as in the tutorial
scoreThresholds: dict[str, float | None] = {"svm": None, "nn": None, "faster": 0.05}
vis_decisionThresholds: dict[str, float | None] = {"svm": 0.5, "nn": None, "faster": 0.5}  # drawn from this score on
evalMaxPerPicture = 0  # so many of the best detections of a picture are evaluated; 0: all (VOC and COCO programs: 100)
evalVocOverlapThreshold = 0.5  # an object counts as found above this overlap

# ---- values for single data sets, by their exact names; step 1 says when they apply ----------------------------------
_groceries = {
    "classes": ["orange", "eggBox", "joghurt", "ketchup", "squash", "mushroom", "water", "mustard"],
    "roi_maxImgDim": 300,  # small things: boxes fit them better
    "cntk_nrRois": 200,  # the best ones; more find no more here (benchmarks/ACCURACY.md)
    "nmsThreshold": 0.01,
}
_pascal_voc = {
    "datasetPath": "resources/pascalVocData/VOCdevkit",
    "datasetLayout": "voc",
    "trainSets": "2007_trainval",
    "testSets": "2007_test",
    "classifier": "nn",
    "classes": [
        *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
        *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train"),
        "tvmonitor",
    ],
    "cntk_nrRois": 4000,
    "cntk_mb_size": 2,
    "cntk_lr_per_image": [0.05] * 10 + [0.005] * 5 + [0.0005],
    "evalMaxPerPicture": 100,
}
overrides = {
    "grocery": _groceries,
    "groceryPhotos": _groceries,
    "pascalVoc": _pascal_voc,
}

# ---- the tutorial's values of what is "fitted" or overridden: with --compat tutorial; "": any other data set ---------
_published = {
    "roi_minDimRel": 0.01,
    "roi_maxDimRel": 1.0,
    "roi_minNrPixelsRel": 0.0,
    "roi_maxNrPixelsRel": 1.0,
    "roi_maxAspectRatio": 4.0,
    "rpn_anchorScales": [8.0, 16.0, 32.0],
}
_published_groceries = {
    **_published,
    "roi_maxImgDim": 200,
    "roi_minDimRel": 0.04,
    "roi_maxDimRel": 0.4,
    "roi_minNrPixelsRel": 2 * 0.04 * 0.04,
    "roi_maxNrPixelsRel": 0.33 * 0.4 * 0.4,
    "rpn_anchorScales": [4.0, 8.0, 12.0],
}
published = {"": _published, "grocery": _published_groceries, "groceryPhotos": _published_groceries}

# ---- what values are allowed: (smallest, largest), and words that may stand for a number; or the choices -------------
limits: Limits = {
    "datasetLayout": ("auto", *layouts.LAYOUTS),
    "classifier": tuple(classifiers.CLASSIFIERS),
    "roi_maxImgDim": (16, 10_000),
    "roi_minDimRel": (0.0, 1.0, "fitted"),
    "roi_maxDimRel": (0.0, 1.0, "fitted"),
    "roi_minNrPixelsRel": (0.0, 1.0, "fitted"),
    "roi_maxNrPixelsRel": (0.0, 1.0, "fitted"),
    "roi_maxAspectRatio": (1.0, 1000.0, "fitted"),
    "roi_sizeGroups": ("none", "fitted", [0.0, 1.0]),
    "ss_method": ("fast", "selectivesearch", "package", "opencv", "opencv-quality", "dlib", "rpn", "rpn+fast"),
    "ss_scale": (1.0, 1e6),
    "ss_sigma": (0.0, 100.0),
    "ss_minSize": (1, 1_000_000),
    "ss_max_merging_iterations": (1, 1_000_000),
    "ss_maxRois": (1, 1_000_000),
    "ss_nmsThreshold": (0.0, 1.0),
    "grid_nrScales": (0, 100),
    "grid_downscaleRatioPerIteration": (1.01, 100.0),
    "grid_stepSizeRel": (0.01, 10.0),
    "cntk_nrRois": (1, 100_000),
    "cntk_padWidth": (64, 10_000),
    "cntk_padHeight": (64, 10_000),
    "cntk_tiles": (1, 100, "auto"),
    "cntk_tileOverlap": (0.0, 0.75),
    "cntk_precision": ("auto", "float32", "bfloat16"),
    "cntk_trainingPrecision": ("float32", "bfloat16"),
    "cntk_embeddingType": ("auto", "float16", "float32"),
    "train_posOverlapThres": (0.01, 1.0),
    "cntk_max_epochs": (1, 100_000),
    "cntk_mb_size": (1, 100_000),
    "cntk_l2_reg_weight": (0.0, 10.0),
    "cntk_momentum_time_constant": (0.0, 1e9),
    "cntk_maxMemory": (0.0, 1e6),
    "nn_roisPerImage": (0, 100_000),
    "nn_foregroundFraction": (0.0, 1.0),
    "nn_backgroundOverlap": (0.0, 1.0),
    "nn_trainConvFrom": (0, 1000),
    "nn_bboxWeight": (0.0, 1e6),
    "nn_warmupEpochs": (0.0, 1e6),
    "nn_headNorm": (0.0, 1e6),
    "nn_fittedRois": (1, 10_000_000),
    "nn_fittedL2": (0.0, 1e6),
    "nn_fittedRidge": (0.0, 1e12),
    "nn_rateFactor": (1e-9, 1e6),
    "nn_dropout": (0.0, 0.95),
    "rpn_anchorScales": ("fitted", [0.01, 1000.0]),
    "rpn_nrAnchors": (1, 100),
    "rpn_channels": (1, 10_000),
    "rpn_batchSize": (1, 100_000),
    "rpn_foregroundFraction": (0.0, 1.0),
    "rpn_positiveOverlap": (0.01, 1.0),
    "rpn_negativeOverlap": (0.0, 1.0),
    "rpn_border": (0, 100_000),
    "rpn_sigma": (1e-3, 1e3),
    "rpn_nmsThreshold": (0.0, 1.0),
    "rpn_minSide": (0.0, 10_000.0),
    "rpn_trainBeforeNms": (1, 1_000_000),
    "rpn_trainAfterNms": (1, 100_000),
    "rpn_testBeforeNms": (1, 1_000_000),
    "rpn_testAfterNms": (1, 100_000),
    "faster_training": ("e2e", "stages"),
    "faster_roisPerImage": (1, 100_000),
    "faster_foregroundFraction": (0.0, 1.0),
    "faster_foregroundOverlap": (0.01, 1.0),
    "faster_backgroundOverlap": (0.0, 1.0),
    "faster_sigma": (1e-3, 1e3),
    "faster_pooling": ("network", "max", "align"),
    "faster_max_epochs": (1, 100_000),
    "faster_rpnEpochs": (1, 100_000),
    "faster_detectorEpochs": (1, 100_000),
    "faster_mb_size": (1, 100_000),
    "faster_optimiser": ("adam", "sgd"),
    "faster_oldRateFactor": (0.0, 1e6),
    "faster_layerRateDecay": (0.0, 1.0),
    "faster_biasRateFactor": (0.0, 1e6),
    "faster_warmupEpochs": (0.0, 1e6),
    "faster_momentum": (0.0, 0.9999),
    "faster_l2_reg_weight": (0.0, 10.0),
    "faster_clipNorm": (0.0, 1e9),
    "faster_ema": (0.0, 0.999999),
    "faster_dropout": (0.0, 0.95),
    "faster_trainConvFrom": (0, 1000),
    "faster_scaleJitter": (0.0, 10.0),
    "faster_colourJitter": (0.0, 1.0),
    "faster_blur": (0.0, 1.0),
    "faster_noise": (0.0, 1.0),
    "faster_mosaic": (0.0, 1.0),
    "faster_validation": (0.0, 0.9),
    "faster_patience": (0, 100_000),
    "svm_C": (1e-12, 1e12),
    "svm_B": (1e-6, 1e6),
    "svm_nrEpochs": (1, 1000),
    "svm_retrainLimit": (1, 10_000_000),
    "svm_retrainGrowth": (0.0, 1e6),
    "svm_maxMemory": (1e-3, 1e6),
    "svm_evictThreshold": (-1e6, 1e6),
    "svm_hardNegativeScore": (-1e6, 1e6),
    "svm_hardNegativeOverlap": (0.0, 1.0),
    "svm_posWeight": (1e-12, 1e12, "balanced"),
    "svm_targetNorm": (1e-6, 1e6),
    "svm_bboxRidge": (0.0, 1e12),
    "svm_embeddings": ("auto", "stored", "computed"),
    "svm_penality": ("l2",),
    "svm_loss": ("hinge", "squared_hinge"),
    "svm_rngSeed": (0, 2**31 - 1),
    "nmsThreshold": (0.0, 1.0),
    "nms_softSigma": (0.0, 100.0),
    "evalMaxPerPicture": (0, 1_000_000),
    "evalVocOverlapThreshold": (0.0, 0.99),  # no overlap is above 1: at 1 every detection would be wrong
}


def make_parser(description: str | None) -> ArgumentParser:
    """Return a parser with the options of all scripts; a script adds its own to it."""
    titles = {name: each.title for name, each in classifiers.CLASSIFIERS.items()}
    return make_parser_for(description or "", classifiers=titles)


def get_parameters(argv: Sequence[str], parser: ArgumentParser | None = None) -> EasyDict:
    """Return all parameters and command-line options for `argv`, checked; see `helpers.parameters.build_parameters`."""
    return build_parameters(globals(), overrides, limits, argv, parser or make_parser(""), published=published)
