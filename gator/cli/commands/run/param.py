"""`gator param`: prints a parameter of the job that calls it."""

import os
from typing import Annotated, cast

import typer

from gator import client
from gator.cli import output
from gator.cli.json_output import print_json
from gator.errors import UsageError
from gator.spec.suggestions import did_you_mean


def param(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of the parameter; default: all, as JSON.")
    ] = None,
) -> None:
    """Print a parameter of the job that calls it.

    The items of a list are printed on lines of their own.
    """
    try:
        params = client.params()
    except TimeoutError as error:
        output.warn(f"gator: {error}")
        raise typer.Exit(3) from error
    if name is None:
        print_json(params)
        return
    if name not in params:
        if not params and not os.environ.get("GATOR_PARENT") and "GATOR_PARAMS" not in os.environ:
            raise UsageError("not inside a job: gator param works only in the jobs of a run")
        hint = did_you_mean(name, params) or ": declare it in params of the spec"
        raise UsageError(f"this job has no parameter '{name}'{hint}")
    value = params[name]
    for item in cast("list[str]", value) if isinstance(value, list) else [value]:
        output.echo(str(item).lower() if isinstance(item, bool) else str(item))
