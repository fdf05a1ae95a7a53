"""Export a network to ONNX, for other runtimes, in one file, opset 17.

    python resources/export_onnx.py proc/grocery/models/frcn_nn.npz grocery.onnx
    python resources/export_onnx.py proc/grocery/models/frcn_faster.npz grocery.onnx

A network that is given its ROIs (svm, nn): trunk, ROI pooling, head
Inputs   picture   float32 (1, 3, side, side)   blue, green, red from 0 to 255, scaled and padded as step 2 does
         rois      float32 (rois, 4)            x1 y1 x2 y2 in pixels of that square
Outputs  scores    float32 (rois, classes)      raw; softmax makes probabilities (a detector), or
         embedding float32 (rois, 4096)         (a network without classes)
         offsets   float32 (rois, classes, 4)   tx ty tw th of each class, with --boxes boxes_nn.npz

A network that proposes its ROIs (faster): the whole detector, non-maximum suppression included
Inputs   picture   float32 (1, 3, height, width)    blue, green, red from 0 to 255; of any size, scaled so that its
                                                longer side has as many pixels as the property "side" says: shrunk by
                                                averaging (OpenCV's INTER_AREA), enlarged linearly; not padded
         size      int64 (2)                    width and height of the original picture
Outputs  boxes     int32 (detections, 4)        x1 y1 x2 y2, inclusive pixels of the original picture, best first
         labels    int64 (detections)           numbers of classes; the property "classes" has a name in each line
         scores    float32 (detections)         probabilities
The thresholds are those that the detector was trained with (models/detector_faster.json), or as given.

ROI pooling is ONNX's MaxRoiPool. It computes the bins in single precision where CNTK and we use double; for 6 x 6 bins
both give the same for every ROI of up to 199 cells (3184 pixels), which a test goes through. Other sizes are refused.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))  # run as a program from anywhere

from fastRCNN.boxes.box_regression import BoxRegressor  # noqa: E402
from fastRCNN.network.network import Network, load_network  # noqa: E402
from fastRCNN.pipeline.detector_folder import load_settings  # noqa: E402
from helpers.artifacts import Artifacts  # noqa: E402
from helpers.console import run_script, setup_logging  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from resources.onnx_detector import DetectorOptions, export_detector  # noqa: E402
from resources.onnx_graph import EXPORTERS as EXPORTERS  # noqa: E402
from resources.onnx_graph import OPSET, Graph, chain, linear, normalised, onnx_model, pooled_rois  # noqa: E402


def export(network: Network, regressor: BoxRegressor | None = None) -> Any:
    """Return the ONNX model of `network`, and of its box regression where one is given."""
    from onnx import TensorProto, helper

    spec, g = network.spec, Graph()
    feature_map = chain(g, network, normalised(g, network), spec.trunk)
    pooled = pooled_rois(g, feature_map, spec)
    classes = spec.classes is not None
    result = "scores" if classes else "embedding"
    outputs = [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["rois", spec.feature_dimension])]
    before = chain(g, network, pooled, spec.head[:-1])
    rows = g("Flatten", chain(g, network, before, spec.head[-1:]), axis=1, called=result)
    if regressor is not None:
        embedding = g("Flatten", before, axis=1) if classes else rows
        biases = regressor.biases.ravel()
        flat = linear(g, embedding, "bbox", regressor.weights.reshape(len(biases), -1), biases)
        g("Reshape", flat, g.integers(-1, regressor.nr_classes, 4), called="offsets")
        outputs.append(helper.make_tensor_value_info("offsets", TensorProto.FLOAT, ["rois", regressor.nr_classes, 4]))
    inputs = [
        helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "side", "side"]),
        helper.make_tensor_value_info("rois", TensorProto.FLOAT, ["rois", 4]),
    ]
    return onnx_model(g, inputs, outputs, {"classes": "\n".join(spec.classes or ()), "source": spec.source})


def save(model: Any, path: Path) -> None:
    """Write the model file, atomically."""
    from helpers.artifacts import atomic_write

    with atomic_write(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def main() -> None:
    """Export one network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="weight file, such as proc/<dataset>/models/frcn_nn.npz")
    parser.add_argument("output", type=Path, help="ONNX file to write")
    parser.add_argument("--boxes", type=Path, metavar="FILE", help="box regression, such as models/boxes_nn.npz")
    parser.add_argument("--score-threshold", type=float, metavar="P", help="detections score this at least (faster)")
    parser.add_argument("--nms-threshold", type=float, metavar="O",
                        help="of two of a class that overlap more, the lower one is dropped (faster)")  # fmt: skip
    options = parser.parse_args()
    setup_logging()
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise UserError("The package onnx is missing. Run: python -m pip install onnx") from None
    regressor = BoxRegressor.load(options.boxes) if options.boxes else None
    network = load_network(options.model)
    if network.spec.rpn is None:
        model = export(network, regressor)
    else:
        model = export_detector(network, detector_options(options))
    save(model, options.output)
    print(f"{options.output}: opset {OPSET}, {options.output.stat().st_size / 1e6:.1f} MB")


def detector_options(options: argparse.Namespace) -> DetectorOptions:
    """Return the thresholds of the command line; where none are given those of the manifest beside the model."""
    artifacts = Artifacts.of_proc(options.model.resolve().parent.parent)
    chosen = DetectorOptions()
    if artifacts.settings_file("faster").is_file() and options.model.resolve() == artifacts.model_file("faster"):
        trained = load_settings(artifacts, "faster")
        if options.nms_threshold is None and (trained.nmsThresholds or trained.nms_softSigma):
            raise UserError("ONNX suppresses by one threshold for all classes, and not softly: give --nms-threshold")
        score = chosen.score_threshold if trained.scoreThreshold is None else trained.scoreThreshold
        chosen = DetectorOptions(score, trained.nmsThreshold, trained.cntk_padWidth)
        if trained.cntk_tiles != 1:
            print("Trained with cntk_tiles: give the ONNX detector each tile as a picture of its own.")
    score, overlap = options.score_threshold, options.nms_threshold
    return DetectorOptions(
        chosen.score_threshold if score is None else score,
        chosen.nms_threshold if overlap is None else overlap,
        chosen.side,
    )


def describe(model: Any) -> Mapping[str, str]:
    """Return the properties that `export` wrote into the model."""
    return {entry.key: entry.value for entry in model.metadata_props}


if __name__ == "__main__":
    run_script(main)
