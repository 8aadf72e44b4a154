"""The documents say what is there: commands, options, files, folders."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from ragdiffusion.cli import COMMANDS, _parser

sys.path.insert(0, str(Path(__file__).resolve().parent))
from command_lines import (  # noqa: E402
    LAUNCH,
    ROOT,
    command_parsers,
    options_of,
    shown_lines,
    studio_options,
    worker_options,
)

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "assets").rglob("*.md")])
_PLAIN = ("--no-venv", "--help")  # launch.py's own
_OTHERS = (
    "--build",
    "--scale",
    "--runs",
    "--entries",
    "--outlines",
    "--edits",
    "--duplicates",
    "--lease",
    "--fix",
    "--durations",
    "--extra-index-url",
    "--config",
)  # of docker compose, tools/simulate_team.py, tools/lint.py, pytest, pip, accelerate


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ---- commands


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_command_line_can_be_called_so(document: Path) -> None:
    for words in shown_lines(document):
        line = f"{LAUNCH} {' '.join(words)}"
        words = words[1:] if words[:1] == ["--no-venv"] else words
        if words[:1] == ["test"]:
            continue
        if not words or words[0].startswith("-") or words[0] == "studio":
            assert {word for word in words if word.startswith("--")} <= studio_options(), line
        elif words[0] == "worker":
            assert {word for word in words if word.startswith("--")} <= worker_options(), line
        else:
            assert words[0] in COMMANDS, line
            assert "…" not in line, f"{line}: a line of code is to be copied as it stands"
            assert _parser(words).parse_args(words), line


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_option_named_exists(document: Path) -> None:
    known = {*studio_options(), *_PLAIN, *_OTHERS}
    for _, parser in command_parsers():
        known |= options_of(parser)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", document.read_text(encoding="utf-8")))
    assert named - known == set()


def test_the_page_of_commands_shows_each_of_them_and_explains_each_option() -> None:
    page = ROOT / "docs" / "cli.md"
    text, lines = page.read_text(encoding="utf-8"), shown_lines(page)
    for names, parser in command_parsers():
        actions = [other for other, _ in command_parsers() if other[:-1] == names]
        assert actions or names in [line[: len(names)] for line in lines], f"no example of {' '.join(names)}"
        untold = [option for option in options_of(parser) if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)]
        assert untold == [], f"{' '.join(names)}"
    assert all(option in text for option in studio_options() | worker_options())


# ---- files and folders


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
            assert anchor in anchors, target


def test_source_files_cite_only_documents_and_sections_that_are_there() -> None:
    for file in [path for package in ("app", "ragdiffusion") for path in (ROOT / package).rglob("*.py")]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\b(DESIGN|STYLE|UX|GRADIO)(\.md| ?\d)", text), file
        for name in re.findall(r"\b(?:docs/)?\w+\.md\b", text):
            assert (ROOT / name).is_file(), f"{file} cites {name}"
        for section in re.findall(r'docs/architecture\.md \("([^"]+)"\)', text):
            assert f"\n## {section}\n" in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), file


def test_paths_named_in_the_architecture_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./]+(?:\.py|/))`", text)) - {"images/"}  # of a workspace
    assert len(named) > 10
    for name in named:
        assert any((ROOT / folder / name).exists() for folder in ("", "ragdiffusion", "ragdiffusion/generation")), name


def test_the_tree_has_a_line_for_each_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"^## The tree$.*?^```\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)[1]
    told = dict(re.split(r"\s+", line, maxsplit=1) for line in block.splitlines())
    files = [
        file
        for package in ("app", "ragdiffusion")
        for file in (ROOT / package).rglob("*.*")
        if file.suffix in (".py", ".js", ".html")
    ]
    folders = {_name(file.parent).removesuffix("/versions") + "/" for file in files}  # of migrations
    folders |= {f"{parent}/" for folder in folders for parent in Path(folder).parents if parent.name}
    assert set(told) == folders
    assert list(told) == sorted(told) and all(told.values())


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "held.md").read_text(encoding="utf-8"))
    assert len(named) > 50
    for file, name in named:
        path = ROOT / file
        assert path.is_file(), file
        assert re.search(rf"^(async )?def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{name}"
