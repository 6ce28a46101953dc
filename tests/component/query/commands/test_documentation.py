"""The pages on the command line and on JSON say what the commands do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from gator.cli.main import load
from gator.cli.registry import COMMANDS, INSIDE, RUNNING
from gator.v1 import query_pb2

DOCS = Path(__file__).parents[4] / "docs"
READING = [name for name, data in COMMANDS.items() if data.panel not in (RUNNING, INSIDE) or name == "stop"]


GROUPS = ("cause", "hub", "parsers")
"""Commands that have commands of their own."""


@pytest.mark.parametrize("name", READING)
def test_every_reading_command_and_its_options_are_documented(name: str) -> None:
    page = (DOCS / "command-line.md").read_text()
    assert f"`gator {name}" in page
    for param in load(name, COMMANDS[name]).params:
        options = [option for option in param.opts if option.startswith("-")]
        for option in options:
            if option not in ("--help", "-h"):
                assert f"`{option}" in page, f"{name} {option}"


@pytest.mark.parametrize("name", [name for name in READING if name not in ("schema", "open", *GROUPS)])
def test_every_command_with_json_is_documented(name: str) -> None:
    page = (DOCS / "json.md").read_text()
    assert f"| `{name}`" in page or f"`{name}` |" in page
    options = [option for param in load(name, COMMANDS[name]).params for option in param.opts]
    assert "--json" in options


@pytest.mark.parametrize("name", GROUPS)
def test_every_json_of_a_group_of_commands_is_documented(name: str) -> None:
    page = (DOCS / "json.md").read_text()
    commands = getattr(load(name, COMMANDS[name]), "commands")  # noqa: B009 - only groups have them
    for command, loaded in commands.items():
        if any("--json" in param.opts for param in loaded.params):
            assert f"`{name} {command}`" in page


def test_every_key_of_a_node_is_documented() -> None:
    page = (DOCS / "json.md").read_text()
    for field in query_pb2.Node.DESCRIPTOR.fields:
        assert f"`{field.name}`" in page


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "args", [["status"], ["resources", "good"], ["failures"], ["show", "good"], ["grep", "-c", "o"]]
)
def test_every_key_that_is_not_a_message_is_documented(gator: Callable[..., Result], args: list[str]) -> None:
    page = (DOCS / "json.md").read_text()
    for line in gator(*args, "--json").stdout.splitlines():
        for key in json.loads(line):
            assert f"`{key}`" in page
