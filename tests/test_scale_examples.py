"""The example files of docs/scale: they can be read, and what they call is there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / "docs" / "scale"
SHELL = sorted([*FOLDER.glob("*.sbatch"), *FOLDER.glob("*.sh")])


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_shell_files_have_no_mistake_in_their_form(path: Path) -> None:
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_kubernetes_objects_belong_together() -> None:
    objects = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")))
    assert [each["kind"] for each in objects] == ["Service", "Deployment", "Deployment", "Job"]
    for each in objects[1:3]:
        assert each["spec"]["selector"]["matchLabels"] == each["spec"]["template"]["metadata"]["labels"]
    assert objects[0]["spec"]["selector"] == objects[1]["spec"]["selector"]["matchLabels"]
    claims = {each["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
              for each in objects[1:]}  # fmt: skip
    assert claims == {"fast-rcnn"}


def test_scripts_and_options_exist() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (*SHELL, FOLDER / "kubernetes.yaml"))
    scripts = set(re.findall(r"\b(\d_\w+\.py)", text))
    assert len(scripts) == 5 and all((REPOSITORY / script).is_file() for script in scripts)
    with_cluster = set(re.findall(r"(\d_\w+\.py) .*--cluster", text))
    assert with_cluster == {"1_computeRois.py", "3_runCntk.py", "5_evaluateResults.py"}
    for script in with_cluster:
        assert "add_cluster_option(parser)" in (REPOSITORY / script).read_text(encoding="utf-8")
