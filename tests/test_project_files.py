"""The files that a public project has beside its code say the same as the code."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def text_of(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_workflow_tries_every_python_that_is_promised() -> None:
    lowest = re.search(r'requires-python = ">=3\.(\d+)"', text_of("pyproject.toml"))
    wheels = re.search(r"wheels exist for Python 3\.(\d+) to 3\.(\d+)", text_of("requirements.txt"))
    assert lowest and wheels
    assert lowest[1] == wheels[1]
    promised = [f'"3.{minor}"' for minor in range(int(wheels[1]), int(wheels[2]) + 1)]
    workflow = text_of(".github/workflows/tests.yml")
    assert f"python: [{', '.join(promised)}]" in workflow
    assert all(f"{system}-latest" in workflow for system in ("ubuntu", "macos", "windows"))
    assert "run: python run.py test" in workflow


def test_checks_before_a_commit_use_the_pinned_versions() -> None:
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", text_of("requirements.txt"), re.MULTILINE))
    used = re.findall(r"additional_dependencies: \[([\w-]+)==([\w.]+)\]", text_of(".pre-commit-config.yaml"))
    assert used and all(pins[name] == version for name, version in used)


def test_one_version() -> None:
    version = re.search(r'^version = "([\w.]+)"', text_of("pyproject.toml"), re.MULTILINE)
    assert version
    assert f"\nversion: {version[1]}\n" in text_of("CITATION.cff")
    assert re.search(rf"^## \[?{re.escape(version[1])}\]?", text_of("CHANGELOG.md"), re.MULTILINE)


def test_issue_forms_ask_for_what_scripts_print() -> None:
    forms = text_of(".github/ISSUE_TEMPLATE/own_pictures.yml") + text_of(".github/ISSUE_TEMPLATE/fault.yml")
    scripts = re.findall(r"\b([0-9AB]\d?_\w+\.py|run\.py|data/\w+\.py)\b", forms)
    assert scripts and all((REPOSITORY / script).is_file() for script in scripts)


def anchors_of(text: str) -> set[str]:
    """The names under which headings of a Markdown text can be linked to."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_links_of_the_texts_lead_somewhere() -> None:
    broken = []
    for path in sorted(REPOSITORY.rglob("*.md")):
        if any(part.startswith(".") for part in path.relative_to(REPOSITORY).parts[:-1]):
            continue
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            if link.startswith(("http:", "https:", "mailto:")):
                continue
            if not target.exists() or (anchor and anchor not in anchors_of(target.read_text(encoding="utf-8"))):
                broken.append(f"{path.relative_to(REPOSITORY)}: {link}")
    assert not broken
