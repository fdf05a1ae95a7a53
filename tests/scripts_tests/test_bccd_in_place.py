"""Blood cells as they were published, read in place as VOC: the same numbers as their converted copy. A small part."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Runner
from tests.fastRCNN_tests.datasets_tests.drawn_sets import write_voc_list

BCCD = REPOSITORY.parent / "shared" / "real" / "bccd"
pytestmark = pytest.mark.skipif(not BCCD.is_dir(), reason="needs the blood cells, which are not part of the repository")
PICTURES = {"train": 6, "test": 3}


def test_same_numbers_as_the_converted_copy(tmp_path: Path, slim_weights: Path) -> None:
    part = tmp_path / "part"
    for name, count in PICTURES.items():
        chosen = sorted((BCCD / "ImageSets" / "Main" / f"{name}.txt").read_text().split())[:count]
        write_voc_list(part, name, chosen)
        for folder, ending in (("JPEGImages", "jpg"), ("Annotations", "xml")):
            (part / folder).mkdir(exist_ok=True)
            for each in chosen:
                shutil.copy(BCCD / folder / f"{each}.{ending}", part / folder)
    copy = tmp_path / "copied" / "data" / "tiny"
    copy.parent.mkdir(parents=True)
    subprocess.run([sys.executable, REPOSITORY / "data" / "convert.py", part, copy, "--quiet"], check=True)
    results = []
    for root, options in (
        (tmp_path / "copied", ()),
        (tmp_path / "in_place", ("--set", f"datasetPath={part}", "--set", "datasetLayout=voc")),
    ):
        run = Runner(root, slim_weights)
        for script in run.steps[:5]:
            run(script, *options, "--set", "classes=['Platelets', 'RBC', 'WBC']")
        results.append(json.loads((root / "results" / "tiny" / "evaluation_test_svm.json").read_text()))
    assert results[0]["classes"]["RBC"]["positives"] > 20
    assert results[0] == results[1]
