"""The language of code and docs, as far as a machine can check it."""

from pathlib import Path

from gator.cli.registry import COMMANDS
from tools.prose import ROOT, files, problems_in

UNFINISHED: tuple[str, ...] = (
    "docs",
    "gator/__main__.py",
    "gator/cli",
    "gator/client",
    "gator/console",
    "gator/core",
    "gator/daemon",
    "gator/event_kinds.py",
    "gator/git.py",
    "gator/hub_address.py",
    "gator/link",
    "gator/loop.py",
    "gator/plan",
    "gator/ports.py",
    "gator/process",
    "gator/query",
    "gator/rpc",
    "gator/run_folder.py",
    "gator/runtime",
    "gator/scheduler",
    "gator/spec",
    "gator/store",
    "gator/testing",
    "gator/upload",
    "gator/usage_errors.py",
    "hub",
    "protos",
    "tests",
)
"""Folders that are not checked yet."""


def _is_finished(path: Path) -> bool:
    return not any(path.is_relative_to(ROOT / name) for name in UNFINISHED)


def test_code_and_docs_are_in_plain_technical_english() -> None:
    found = [problem for path in files() if _is_finished(path) for problem in problems_in(path)]
    assert not found, "\n".join(found)


def test_each_kind_of_problem_is_found(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        '"""The rule: it works."""\n\n_MOST_BYTES = 1\n\n\n'
        'def take() -> int:\n    """What nobody wants."""\n    return 1\n'
    )
    (tmp_path / "page.md").write_text("word " * 30 + "\n")
    found = [problem for path in files([tmp_path]) for problem in problems_in(path, tmp_path)]
    assert [problem.split(": ")[0] for problem in found] == [
        "code.py:1",
        "code.py:3",
        "code.py:6",
        "code.py:7",
        "page.md:1",
    ]


def test_help_of_commands_is_imperative() -> None:
    firsts = {name: command.help.split()[0] for name, command in COMMANDS.items()}
    assert not {name: word for name, word in firsts.items() if word.endswith("s")}
