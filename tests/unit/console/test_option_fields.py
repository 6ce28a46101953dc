"""A command whose options are the fields of a struct."""

from typing import Annotated

import typer
from msgspec import Struct
from typer.testing import CliRunner

from gator.cli.options.fields import with_options


class Shown(Struct, frozen=True):
    width: Annotated[int, typer.Option("--width", help="Set the width.")] = 80
    names: Annotated[list[str], typer.Option("--name", help="Show this name.")] = []


@with_options(Shown)
def command(
    place: Annotated[str, typer.Argument()],
    options: Shown,
    loud: Annotated[bool, typer.Option("--loud")] = False,
) -> None:
    """Print it all."""
    typer.echo(f"{place} {options} {loud}")


def _said(*args: str) -> str:
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return CliRunner().invoke(app, [*args]).output.strip()


def test_fields_are_options_beside_those_of_the_command() -> None:
    said = _said("here", "--name", "a", "--loud", "--name", "b", "--width", "3")
    assert said == "here Shown(width=3, names=['a', 'b']) True"


def test_an_option_that_is_not_given_has_the_default_of_its_field() -> None:
    assert _said("here") == "here Shown(width=80, names=[]) False"


def test_the_help_of_the_command_describes_the_fields() -> None:
    said = _said("--help")
    assert "Print it all." in said
    assert "Set the width." in said
    assert "[default: 80]" in said
