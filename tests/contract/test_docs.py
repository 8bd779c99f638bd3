"""The documentation: its commands, links, messages and variables are those of the program."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import pytest
from command_line import parse

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LEFT_OUT = "…"

each_page = pytest.mark.parametrize("name", NAMES)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command in the shell blocks of a page, without comments."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield list(takewhile(lambda word: word not in ("|", ">", "&&"), words))


# --- commands -------------------------------------------------------------------------------------


def test_there_are_commands_to_check() -> None:
    found = [words for name in NAMES for words in commands(text_of(name))]
    assert sum(words[0].endswith("rde-roto") for words in found) > 80
    assert sum(words[1:2] == ["install.py"] for words in found) > 5


@each_page
def test_every_command_is_understood(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    for words in commands(text_of(name)):
        program, *arguments = words
        if program.endswith("rde-roto"):
            assert LEFT_OUT not in arguments, f"write {words} out"
            parse(["rde-roto", *arguments])
        elif arguments[:1] == ["install.py"]:
            import_module("install").parse(arguments[1:])
        elif program == "python" and arguments[0].endswith(".py"):
            assert (ROOT / arguments[0]).is_file(), words


# --- links ----------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@each_page
def test_no_link_is_dead(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), target


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([\w/.-]+\.md)\)", text_of("docs/README.md")))
    lab = {
        f"lab/{target}"
        for target in re.findall(r"\]\(([\w.-]+\.md)\)", text_of("docs/lab/README.md"))
    }
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert there - linked - lab <= {"README.md"}


# --- what a page is for ---------------------------------------------------------------------------


@each_page
def test_a_page_says_first_what_it_is_for(name: str) -> None:
    title, blank, first = text_of(name).splitlines()[:3]
    assert title.startswith("# ")
    assert blank == ""
    assert re.match(r"[A-Z]|`\w|rde-roto ", first), f"expected a sentence: {first}"


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) < 120


# --- messages and variables -----------------------------------------------------------------------


def templates() -> str:
    """Every text in the engine's code, with `…` for what is put into it."""
    found = []
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else LEFT_OUT for p in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def test_the_messages_in_troubleshooting_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", text_of("docs/troubleshooting.md"), re.MULTILINE)
    assert len(rows) > 35
    known = templates()
    for message in rows:
        parts = [part.strip() for part in message.split(LEFT_OUT)]
        told = [part for part in parts if len(part) > 3]
        assert told, message
        assert [part for part in told if part not in known] == [], message


def test_every_variable_is_described() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("engine", "plugin")
        for pattern in ("*.py", "*.c")
        for path in (ROOT / folder).rglob(pattern)
    ]
    read = set(re.findall(r"\"(RDE_ROTO_[A-Z_]+)\"", "\n".join(sources)))
    described = set(
        re.findall(r"^\| `(RDE_ROTO_[A-Z_]+)`", text_of("docs/environment.md"), re.MULTILINE)
    )
    assert read == described
