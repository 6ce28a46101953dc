"""The language of code and docs, as far as a machine can check it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gator.cli.main import load
from gator.cli.registry import COMMANDS
from tools.prose import files, problems_in


def test_code_and_docs_are_in_plain_technical_english() -> None:
    found = [problem for path in files() for problem in problems_in(path)]
    assert not found, "\n".join(found)


def test_each_kind_of_problem_is_found(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        '"""The rule: it works."""\n\n_MOST_BYTES = 1\n\n\n'
        'def take() -> int:\n    """What nobody wants."""\n    return 1\n'
    )
    (tmp_path / "odd.py").write_text(
        '"""A file that is\nno store."""\n\n\n# It has no lock, unlike others.\n'
        "def test_a_file_is_no_store() -> None: ...\n"
    )
    (tmp_path / "page.md").write_text("word " * 30 + "\n")
    found = [problem for path in files([tmp_path]) for problem in problems_in(path, tmp_path)]
    assert [problem.split(": ")[0] for problem in found] == [
        "code.py:1",
        "code.py:3",
        "code.py:6",
        "code.py:7",
        "code.py:7",
        "odd.py:1",
        "odd.py:5",
        "odd.py:6",
        "page.md:1",
    ]


VERBS = frozenset(
    {
        "Add",
        "Ask",
        "Attach",
        "Change",
        "Choose",
        "Close",
        "Combine",
        "Continue",
        "Draw",
        "Fail",
        "Ignore",
        "Keep",
        "Let",
        "Load",
        "Write",
    }
    | {
        "Limit",
        "List",
        "Listen",
        "Look",
        "Load",
        "Multiply",
        "Open",
        "Pass",
        "Print",
        "Provide",
        "Read",
        "Record",
        "Remove",
        "Repeat",
    }
    | {"Report", "Run", "Search", "Send", "Serve", "Set", "Show", "Skip", "Sort", "Start", "Store", "Trust"}
    | {"Check", "Compare", "Copy", "Explain", "Make", "Name", "Stop", "Take", "Try", "Use", "Wait"}
)
"""Verbs with which a help text may begin; a new one is added here."""


def _commands() -> Iterator[tuple[str, Any]]:
    """Yields each command and subcommand with its name."""
    for name, data in COMMANDS.items():
        command: Any = load(name, data)
        yield name, command
        for below in getattr(command, "commands", ()):
            yield f"{name} {below}", command.get_command(None, below)


def test_a_command_has_one_text_in_the_list_and_in_its_own_help() -> None:
    for name, data in COMMANDS.items():
        assert load(name, data).help.partition("\n\n")[0].replace("\n", " ") == data.help


def test_help_of_commands_and_options_begins_with_a_verb() -> None:
    texts = {name: command.help for name, command in _commands()}
    for name, command in _commands():
        for option in command.params:
            if option.opts[0].startswith("-"):
                texts[f"{name} {option.opts[0]}"] = option.help
    assert not {name: text for name, text in texts.items() if text.split()[0] not in VERBS}
