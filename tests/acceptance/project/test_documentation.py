"""Holds what the documentation says to what the program does."""

import os
import re
import shlex
import shutil
import socket
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gator import spec as specs
from gator.cli.main import load, with_default_command
from gator.cli.registry import COMMANDS
from gator.core.launch.rerun import FLAGS, KEPT
from tests.acceptance.support import Gator

ROOT = Path(__file__).parents[3]
COMMAND_LINE = ROOT / "docs" / "command-line.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
INSIDE_JOBS = ROOT / "docs" / "client.md"

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page in some languages."""
    return (text for language, text in _BLOCK.findall(page.read_text()) if language in languages)


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    text = _BLOCK.sub("", page.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shown_commands() -> list[str]:
    """Every command line of Gator that a page shows in a block of its own."""
    found: dict[str, None] = {}
    for page in PAGES:
        indented = re.findall(r"^    (?:\$ )?(gator .*)$", page.read_text(), re.MULTILINE)
        fenced = [
            line.removeprefix("$ ")
            for block in blocks(page, "sh", "console")
            for line in block.splitlines()
            if line.startswith(("gator ", "$ gator "))
        ]
        found.update(dict.fromkeys([*indented, *fenced]))
    return list(found)


def arguments(line: str) -> list[str]:
    """The arguments of a command line, without comments and what comes after a pipe."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = list[str]()
    for word in lexer:
        if set(word) <= set("|&;<>"):
            break
        words.append(word)
    return words[1:]


def options(name: str) -> set[str]:
    """All names of the options of a command."""
    params: list[Any] = load(name, COMMANDS[name]).params
    return {
        option
        for param in params
        if not getattr(param, "hidden", False)
        for option in (*param.opts, *param.secondary_opts)
        if option.startswith("-")
    }


# -- the command line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_page_about_its_command(name: str) -> None:
    page = COMMAND_LINE.read_text()
    if name == "run":
        page = page.partition("## Running\n")[2].partition("\n## ")[0]
    elif name in ("log", "metric", "param"):
        page = INSIDE_JOBS.read_text()
        assert f"gator {name} " in page
    else:
        assert re.search(rf"`gator {name}\b", page)
    quoted = " ".join(re.findall(r"`[^`\n]+`|^    gator .*$|^gator .*$", page, re.MULTILINE))
    missing = {one for one in options(name) if not re.search(rf"(?<![\w-]){one}(?![\w-])", quoted)}
    assert missing <= {"--help", "-h"}, f"not on the page: {sorted(missing)}"


def test_every_option_has_a_help_text() -> None:
    for name in COMMANDS:
        params: list[Any] = load(name, COMMANDS[name]).params
        assert [param.name for param in params if not param.help and param.name != "help"] == [], name


@pytest.mark.parametrize(
    "line", [*shown_commands(), *(line for one in COMMANDS.values() for line in one.examples)]
)
def test_every_command_line_that_is_shown_is_understood(line: str) -> None:
    args = with_default_command(arguments(line))
    if args[0].startswith("-"):
        return
    name, *rest = args
    assert name in COMMANDS, f"there is no command {name}"
    load(name, COMMANDS[name]).make_context(name, rest)


def test_commands_to_repeat_a_job_know_the_options_of_run() -> None:
    params: list[Any] = load("run", COMMANDS["run"]).params
    flags = [param for param in params if getattr(param, "is_flag", False)]
    names = {name for param in flags for name in (*param.opts, *param.secondary_opts)}
    assert names - {"--help", "-h"} == FLAGS
    assert options("run") >= KEPT


# -- pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(_BLOCK.sub("", page.read_text())):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(other), f"{page.name} links to {target}"


def test_the_contents_of_the_spec_page_name_its_sections_in_their_order() -> None:
    text = (ROOT / "docs" / "spec.md").read_text()
    contents, _, sections = text.partition("\n## ")
    listed = [" ".join(name.split()) for name in re.findall(r"\[([^]]+)\]\(#[\w-]+\)", contents)]
    assert listed == re.findall(r"^## (.+)$", f"## {sections}", re.MULTILINE)


def test_every_page_is_in_the_readme_and_every_decision_in_the_architecture() -> None:
    for page in PAGES:
        index = ROOT / "README.md"
        if page.parent.name == "decisions":
            index = ROOT / "docs" / "architecture.md"
        assert page == index or f"{page.name})" in index.read_text(), (
            f"{index.name} does not link {page.name}"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_project_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:gator|hub|protos|tests|tools|examples|docs)/[\w./-]*)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_identifier_that_the_page_for_contributors_names_exists() -> None:
    page = _BLOCK.sub("", (ROOT / "CONTRIBUTING.md").read_text())
    named = {
        word
        for code in re.findall(r"`([A-Za-z_][\w.]*)(?:\(\w*\))?`", page)
        for word in code.split(".")
        if "_" in word or word != word.lower()
    }
    assert len(named) > 50
    files = [
        file
        for folder, pattern in (("gator", "*.py"), ("hub", "*.py"), ("protos", "*.proto"), ("tests", "*.py"))
        for file in (ROOT / folder).rglob(pattern)
        if "node_modules" not in file.parts
    ]
    defined = {word for file in files for word in re.findall(r"\w+", file.read_text())}
    defined.update(file.stem for file in files)
    assert sorted(named - defined) == []


@pytest.mark.parametrize("page", [ROOT / "README.md", COMMAND_LINE], ids=lambda page: page.name)
def test_specs_that_are_shown_are_specs(page: Path) -> None:
    for text in blocks(page, "yaml"):
        specs.load(text.encode(), file=page.name, read=lambda name: b"")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_shows_folders_of_the_machine_it_was_written_on(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(work|root|tmp/rd)\b", page.read_text())


# -- the readme


def test_the_first_lines_of_the_readme_work(gator: Gator) -> None:
    first, second = next(blocks(ROOT / "README.md", "sh")).splitlines()
    install, _, run = first.partition("#")[0].strip().partition(" && ")
    assert install == "./tools/install"
    assert run.startswith(".venv/bin/gator ")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["gator"].partition(":")
    assert callable(getattr(import_module(module), function))
    shutil.copytree(ROOT / "examples", gator.root / "examples")
    done = gator(*arguments(run.removeprefix(".venv/bin/"))).expect(0)
    assert "6 passed" in done.out
    for script in (install, second.partition("#")[0].strip()):
        assert os.access(ROOT / script, os.X_OK)


UNSTEADY = ("gator status", "gator stop")
"""What these print depends on the moment."""
HUB = "$ gator hub serve"
"""The block with it is run with a hub, among the tests of the page on the hub."""


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")
def test_what_the_readme_shows_is_what_one_sees(gator: Gator) -> None:
    shutil.copytree(ROOT / "examples", gator.root / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{gator.env['PATH']}"
    for block in blocks(ROOT / "README.md", "console"):
        if HUB in block:
            continue
        for shown in block.removeprefix("$ ").split("\n$ "):
            line, _, expected = shown.partition("\n")
            if line.startswith(UNSTEADY):
                continue
            done = gator(*arguments(line), env={"PATH": path})
            done.expect(1 if "regression.yaml" in line else 0)
            seen = [steady(one, gator.root) for one in done.out.splitlines()]
            for wanted in expected.splitlines():
                assert wanted.strip() in ("", "...") or steady(wanted, Path("/home/you/chip")) in seen


def steady(line: str, folder: Path) -> str:
    """A line without what is different each time."""
    for pattern, name in (
        (re.escape(str(folder)), "HERE"),
        (re.escape(socket.gethostname()), "host"),
        (r"\d{8}-\d{6}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT"),
        (r"\b(run |hub:)[0-9a-f]{8,12}\b", "\\1RUN"),
        (r"\[\d\d:\d\d:\d\d\]", "[TIME]"),
        (r"[\d.]+ ?s\b", "SPAN"),
        (r"\b[0-9a-f]{32}\b", "RUN"),
        (r"process \d+", "process PID"),
        (r"seed \d+, folder", "seed SEED, folder"),
        (r"on \d+ cores?", "on CORES"),
    ):
        line = re.sub(pattern, name, line)
    return line.rstrip()
