"""Make docs/tutorial.ipynb: the tutorial's text and commands as a notebook that has been run, figures inline.

    python3 run.py                                    # once; the notebook's cells find most of it done
    .venv/bin/python docs/make_notebook.py            # runs every cell, writes the notebook with what they gave
    .venv/bin/python docs/make_notebook.py --text     # takes new text of TUTORIAL.md; what other cells gave stays
    .venv/bin/python docs/make_notebook.py --check    # runs every cell, writes nothing; fails where one fails

The text is that of TUTORIAL.md: its commands become cells, its samples become cells that open the files, and behind
each step stands a cell to play with one parameter. `--root DIR` works in another folder that holds data/.
"""

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
for place in (REPOSITORY, DOCS):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

from helpers.artifacts import atomic_write  # noqa: E402
from helpers.console import run_script  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from helpers.images import read_image, resize_to_max_dim  # noqa: E402

NOTEBOOK = DOCS / "tutorial.ipynb"
FIRST, LAST = "The data set", "Part 2: the network as the classifier"  # sections that the notebook has
FASTER = "Faster R-CNN: the network proposes, too"  # a section whose commands are run on a few pictures
SIDE, QUALITY = 900, 80  # of pictures in it

FIRST_CELL = """from notebook_tools import DATA, PROC, RESULTS, ROOT, head, run, show

import json
import numpy as np"""

SAMPLES = {  # what stands in the tutorial as a sample, opened here
    "data": """head(DATA / "positive" / "train_00.bboxes.tsv", 4)
head(DATA / "positive" / "train_00.bboxes.labels.tsv", 4)""",
    "rois": """head(PROC / "rois" / "positive" / "train_00.roi.txt", 3)""",
    "recall": "",
    "iou": """from helpers.boxes import iou_matrix

objects = [[20, 20, 79, 119], [75, 20, 134, 119], [190, 40, 249, 139]]
iou_matrix([[24, 22, 83, 121]], objects).round(2)""",
    "inputs": """for name in ("train.txt", "train.rois.txt", "train.roilabels.txt", "train.nrRois.txt"):
    head(PROC / "cntkFiles" / name, 1)""",
    "embeddings": """rows = np.load(PROC / "cntkFiles" / "train_svm_parsed" / "0.dat.npz")["arr_0"]
print(rows.shape, rows.dtype)
rows[0][rows[0] > 0][:6]""",
    "svm": "",
    "list": """import lessons

print(lessons.list_table(lessons.DETECTIONS, lessons.SCORES))""",
    "nms": "print(lessons.nms_table())",
    "evaluation": "",
    "json": "",
    "faster rois": """first = FEW / "proc/grocery/rois_faster/positive/train_00"
head(f"{first}.roi.txt", 3)
head(f"{first}.objectness.txt", 3)""",
    "faster recall": "",
    "faster evaluation": 'show(*sorted((FEW / "results/grocery/visualizations").glob("faster_*.jpg"))[:2])',
}
FIGURES = {  # of the tutorial, for which the notebook shows what its own short training gave
    "pictures/faster_objectness.jpg": 'show(f"{regions}.3_objectness.jpg", f"{regions}.6_targets.jpg")',
    "pictures/faster_proposals.jpg": 'show(f"{regions}.4_before.jpg", f"{regions}.5_after.jpg")',
    "pictures/faster_recall.png": 'show(FEW / "results/grocery/roi_recall_compared.png")',
}

_PART_2 = (
    "The network can be the classifier itself: [part 2](TUTORIAL.md#part-2-the-network-as-the-classifier). And it can "
    "find the ROIs as well: the next section."
)
_SHORT = (
    "**Here** the commands run in a folder of their own, on eight of the training pictures and four of the test "
    "pictures, made smaller, for ten epochs: half a minute of computing. So the network finds less than that of "
    "the text; the figure of the anchors is the text's, from the whole training."
)
_FEW = """from notebook_tools import few_pictures

FEW = few_pictures(train=8, test=4)
SHORT = ("--set", "faster_max_epochs=10", "--set", "cntk_padWidth=600", "--set", "cntk_padHeight=600")
sorted(picture.name for picture in (FEW / "data/grocery/positive").glob("*.jpg"))"""
_DRAWN = 'show("pictures/'  # begins cells that show a picture of the documentation
_PHOTO = 'DATA / "testImages" / "test_00.jpg"'
_ARGUMENTS = {"photo.jpg": f"str({_PHOTO})", "found/": 'str(RESULTS / "found")'}  # of commands, in the notebook

_MORE = {  # further options of commands on few pictures
    "B2_cntkVisualizeInputs.py": '"--image-set", "train", "--pictures", "1", ',
}

PLAY = {  # by the section that it stands behind
    "Step 1: where could something be?": (
        "**Play.** How many ROIs pass other limits? Make the largest side smaller, or the grid finer.",
        """from helpers.images import read_image
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.rois import compute_rois

picture = read_image(DATA / "positive" / "train_00.jpg")
for largest in (0.1, 0.2, 0.4):
    rois = compute_rois(picture, RoiParameters(roi_maxDimRel=largest), np.random.default_rng(0))
    print(f"longest side at most {largest} of the picture's: {len(rois)} ROIs")""",
    ),
    "Step 2: what the network is fed with": (
        "**Play.** Which ROIs are objects depends on the IoU that is asked for (`train_posOverlapThres`).",
        """from helpers.annotations import read_boxes, read_rois
from helpers.boxes import iou_matrix

rois = read_rois(PROC / "rois" / "positive" / "train_00.roi.txt")
best = iou_matrix(rois, read_boxes(DATA / "positive" / "train_00.bboxes.tsv")).max(axis=1)
for wanted in (0.3, 0.5, 0.7):
    print(f"IoU {wanted}: {(best >= wanted).sum()} of {len(rois)} ROIs show an object")""",
    ),
    "Step 3: a description of every ROI": (
        "**Play.** The first ROIs of a training picture are its annotated objects. Which objects look alike to the "
        "network? The cosine of two embeddings says so: 1 for the same direction.",
        """labels = (DATA / "positive" / "train_00.bboxes.labels.tsv").read_text().split()
objects = rows[: len(labels)].astype(float)
objects /= np.linalg.norm(objects, axis=1, keepdims=True)
print("           " + " ".join(f"{label[:8]:>8}" for label in labels))
for label, line in zip(labels, objects @ objects.T):
    print(f"{label[:10]:10} " + " ".join(f"{value:8.2f}" for value in line))""",
    ),
    "Step 4: a classifier for each class": (
        "**Play.** The SVM of a class is one number for each of the 4096, and a bias. What the SVMs of all classes say "
        "of the first picture's objects:",
        """from fastRCNN.svm.model import SvmModel
from fastRCNN.svm.scoring import score_rois
from PARAMETERS import get_parameters

names = get_parameters(["--dataset", "grocery"]).classes
model = SvmModel.load(PROC / "trainedSvm", nr_classes=1 + len(names))
scores = score_rois(rows[: len(labels)].astype(np.float32), model)
print("           " + " ".join(f"{name[:6]:>6}" for name in names))
for label, line in zip(labels, scores):
    print(f"{label:10} " + " ".join(f"{value:6.2f}" for value in line[1:]))""",
    ),
    "Step 5: how good is it?": (
        "**Play.** `nmsThreshold` once more, now on the ten test pictures.",
        """for threshold in (0.01, 0.3, 0.5):
    run("5_evaluateResults.py", "--set", f"nmsThreshold={threshold}", "--quiet")
    print()
run("5_evaluateResults.py", "--quiet")  # as it was""",
    ),
    "Step 6: your own picture": (
        "**Play.** What does it say from which score on?",
        """for threshold in (0.0, 0.5, 1.0, 2.0):
    with Detector.load(PROC) as detector:
        found = detector.detect(read_image(DATA / "testImages" / "test_00.jpg")).typed_records(threshold=threshold)
    print(threshold, len(found))""",
    ),
    FASTER: (
        "**Play.** Of how many proposals is the network sure, and how many of the objects do these cover?",
        """sure = np.loadtxt(FEW / "proc/grocery/rois_faster/testImages/test_00.objectness.txt")
rois = read_rois(FEW / "proc/grocery/rois_faster/testImages/test_00.roi.txt")
ious = iou_matrix(rois, read_boxes(FEW / "data/grocery/testImages/test_00.bboxes.tsv"))
for least in (0.9, 0.5, 0.1, 0.0):
    chosen = ious[sure >= least]
    covered = (chosen.max(axis=0, initial=0) >= 0.5).sum()
    print(f"objectness {least} or more: {len(chosen)} proposals, which cover {covered} of {ious.shape[1]} objects")""",
    ),
}


def cells(text: str) -> list[tuple[str, str]]:
    """Return the notebook's cells, ("markdown" or "code", source), from the text of TUTORIAL.md."""
    begin, end = text.index(f"## {FIRST}"), text.index(f"## {LAST}")
    intro = text[:begin].split("To run a single script")[0].rstrip()
    intro += "\n\nThis is [the tutorial](TUTORIAL.md) as a notebook: the same text, its commands and files in cells."
    found = [("markdown", intro), ("code", FIRST_CELL)]
    for section in re.split(r"\n(?=## )", text[begin:end].rstrip()):
        found += _of_section(section)
        title = section.splitlines()[0].removeprefix("## ")
        if title in PLAY:
            note, source = PLAY[title]
            found += [("markdown", note), ("code", source)]
    return [*found, ("markdown", _PART_2), *_of_faster(text[text.index(f"## {FASTER}") :].split("\n## ")[0].rstrip())]


def _of_faster(section: str) -> Iterator[tuple[str, str]]:
    """Yield the cells of the last section, whose commands run on few pictures."""
    heading, text = section.split("\n", 1)
    yield from (("markdown", f"{heading}\n\n{_SHORT}"), ("code", _FEW))
    for kind, source in _of_section(text):
        if kind == "code":
            source = re.sub(r"^(run\(.*)\)$", r"\1, *SHORT, root=FEW)", source, flags=re.MULTILINE)
            for script, more in _MORE.items():
                source = re.sub(rf'(?<=run\("{script}", ).*', lambda match, more=more: more + match[0], source)
            if "B1_" in source:
                source = 'run("1_computeRois.py", *SHORT, root=FEW)\n' + source
                source += '\nregions = FEW / "results/grocery/regions/train_0train_00"'
        yield kind, source
    yield from zip(("markdown", "code"), PLAY[FASTER], strict=True)


def _of_section(section: str) -> Iterator[tuple[str, str]]:
    pattern = (
        r"(?:^ {4}python [\dAB][^\n]*\n?)+|<!-- sample: [\w ]+ -->.*?<!-- end -->|^```python\n.*?^```$|"
        r"^!\[[^\]]*\]\([^)]*\)$"
    )
    at = 0
    for match in re.finditer(pattern, section, re.DOTALL | re.MULTILINE):
        if before := section[at : match.start()].strip():
            yield "markdown", before
        if source := _code(match[0]):
            yield "code", source
        at = match.end()
    if after := section[at:].strip():
        yield "markdown", after


def _code(part: str) -> str:
    """Return the code for a command, a sample, a picture or a program of the text; "" for nothing."""
    if sample := re.match(r"<!-- sample: ([\w ]+) -->", part):
        return SAMPLES[sample[1]]
    if part.startswith("```python"):
        program = part.removeprefix("```python\n").removesuffix("```").rstrip()
        return program.replace('"proc/grocery"', "PROC").replace('"photo.jpg"', _PHOTO)
    if picture := re.match(r"!\[([^\]]*)\]\(([^)]*)\)", part):
        shown = FIGURES.get(picture[2]) or f'show("{picture[2]}")'
        return f"{shown}  # {picture[1]}"
    calls = []
    for line in part.strip().splitlines():
        script, *options = line.split()[1:]
        arguments = ", ".join(_ARGUMENTS.get(each, json.dumps(each)) for each in (script, *options))
        calls.append(f"run({arguments})")
    return "\n".join(calls)


def executed(found: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the cells as a notebook has them, code with what it gave; raises what a cell raises, with its source."""
    import notebook_tools

    names: dict[str, Any] = {"__name__": "__notebook__"}
    result, number = [], 0
    for kind, source in found:
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{len(result)}", "metadata": {}, "source": source}
        if kind == "code":
            number += 1
            outputs: list[dict[str, Any]] = []
            notebook_tools.on_show[:] = [lambda path, into=outputs: into.append(_picture(path))]
            try:
                text = _run(source, names)
            except Exception as error:
                raise RuntimeError(f"this cell failed:\n{source}") from error
            if text:
                outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": text})
            cell |= {"execution_count": number, "outputs": outputs}
        result.append(cell)
    notebook_tools.on_show.clear()
    return result


def renewed(found: list[tuple[str, str]], old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cells with what the same code gave in `old` cells; `UserError` for code that is not among them."""
    gave = {"".join(cell["source"]): cell["outputs"] for cell in old if cell["cell_type"] == "code"}
    result, number = [], 0
    for kind, source in found:
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{len(result)}", "metadata": {}, "source": source}
        if kind == "code":
            number += 1
            if source.startswith(_DRAWN):  # needs no step: shown as it is now
                gave[source] = executed([("code", FIRST_CELL.splitlines()[0]), ("code", source)])[1]["outputs"]
            if source not in gave:
                raise UserError(
                    f"this cell is not in the notebook yet:\n{source}\nRun docs/make_notebook.py without options"
                )
            cell |= {"execution_count": number, "outputs": gave[source]}
        result.append(cell)
    return result


def _run(source: str, names: dict[str, Any]) -> str:
    """Execute `source` as a notebook does, the value of its last expression shown; return what it printed."""
    tree, printed = ast.parse(source), io.StringIO()
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
        if value is not None:
            print(repr(value))
    return printed.getvalue()


def _picture(path: Path) -> dict[str, Any]:
    image, _ = resize_to_max_dim(read_image(path if path.is_absolute() else DOCS / path), SIDE)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return {"output_type": "display_data", "metadata": {},
            "data": {"image/jpeg": base64.b64encode(data.tobytes()).decode("ascii")}}  # fmt: skip


def notebook(of_cells: list[dict[str, Any]]) -> str:
    """Return the notebook file (nbformat 4.5)."""
    content = {
        "cells": of_cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Make the notebook."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the folder that holds data/")
    parser.add_argument("--check", action="store_true", help="run the cells, write nothing")
    parser.add_argument("--text", action="store_true", help="run nothing, take new text only")
    options = parser.parse_args()
    os.environ["FASTRCNN_NOTEBOOK_ROOT"] = str(options.root.resolve())
    os.chdir(DOCS)
    found = cells((DOCS / "TUTORIAL.md").read_text(encoding="utf-8"))
    if options.text:
        done = renewed(found, json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"])
    else:
        done = executed(found)
    if not options.check:
        with atomic_write(NOTEBOOK) as temporary:
            temporary.write_text(notebook(done).replace(str(options.root.resolve()), "..."), encoding="utf-8")


if __name__ == "__main__":
    run_script(main)
