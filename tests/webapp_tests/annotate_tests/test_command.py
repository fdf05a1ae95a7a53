import pytest

from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import write_image
from PARAMETERS import get_parameters, make_parser
from tests.conftest import Runner, draw_tiny_picture
from webapp.annotate import command


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list:
    """What would be served."""
    served: list = []
    monkeypatch.setattr(command, "serve", lambda session, help, **options: served.append((session, help, options)))
    return served


def run(*argv: str, mode: str = "draw") -> None:
    parser = make_parser("")
    command.add_options(parser)
    p = get_parameters([*argv], parser)
    command.annotate(p, parser.parse_args([*argv]).assignments, mode=mode)


def test_a_folder_of_photos_is_copied_and_stays(tmp_path, served) -> None:
    photos = tmp_path / "photos"
    for number in range(2):
        write_image(photos / f"{number}.png", draw_tiny_picture(number)[0])
    for _ in range(2):
        run("--root", str(tmp_path), "--dataset", "my", "--add", str(photos), mode="label")
    assert sorted(path.name for path in photos.iterdir()) == ["0.png", "1.png"]
    session, _, options = served[-1]
    assert [picture["id"] for picture in session.state()["pictures"]] == ["0.png", "1.png"]
    assert session.state()["mode"] == "label"
    assert options == {"port": 0, "browser": True}
    session.move("0.png", "positive")
    run("--root", str(tmp_path), "--dataset", "my", "--add", str(photos))  # what was sorted does not come again
    assert [picture["id"] for picture in served[-1][0].state()["pictures"]] == ["1.png", "positive/0.png"]


def test_mistakes_are_named(tmp_path, served) -> None:
    (tmp_path / "empty").mkdir()
    for options, message in (
        ((), "no such folder"),
        (("--add", str(tmp_path / "empty")), "no pictures"),
        (("--add", str(tmp_path / "nothing")), "no such folder"),
        (("--video", str(tmp_path / "nothing.mp4")), "no such video"), (("--suggest",), "needs a trained detector"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=message):
            run("--root", str(tmp_path), "--dataset", "my", *options)
    assert not served


def test_trainings_get_the_options_of_the_command_line(tiny_root, served) -> None:
    run(
        "--root",
        str(tiny_root),
        "--dataset",
        "tiny",
        "--set",
        "cntk_nrRois=70",
        "--classifier",
        "nn",
        "--seed",
        "3",
        "--jobs",
        "1",
    )
    settings = served[0][1].settings
    assert settings.options[:4] == ("--set", "cntk_nrRois=70", "--classifier", "nn")
    assert "--seed 3 --jobs 1" in " ".join(settings.options)
    assert (settings.classifier, settings.threshold, settings.threads) == ("nn", 0.5, 1)
    assert settings.rois.grid_nrScales == 7


@pytest.mark.parametrize(("script", "mode"), [("A1_annotateImages.py", "draw"), ("A2_annotateBboxLabels.py", "label")])
def test_the_scripts(script, mode, tiny_root, slim_weights, served) -> None:
    Runner(tiny_root, slim_weights)(script, "--no-browser", "--port", "1234")
    session, help, options = served[0]
    assert session.settings.mode == mode
    assert options == {"port": 1234, "browser": False}
    assert help.settings.options.count("--set") == len(Runner.settings) + 1


def test_the_newest_detector_is_used(finished, served) -> None:
    """With a detector that the steps trained; its suggestions find objects on the test pictures."""
    artifacts = Artifacts(finished.root, "tiny")
    run("--root", str(finished.root), "--dataset", "tiny", "--suggest", "--jobs", "1")
    help = served[0][1]
    try:
        assert help.newest_detector() == artifacts.proc
        items = help.suggestions("testImages/5.png")["items"]
        assert {item["label"] for item in items} <= {"disc", "square"}
        assert help.status()["suggestions"]["state"] in ("looking", "done")
    finally:
        help.close()
