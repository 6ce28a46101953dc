"""`gator log` and `gator metric`: record messages and metrics from the shell script of a job.

Invariant: outside of a job they print that nothing is recorded and succeed, so that a script also runs there.
"""

import os
import sys
from collections.abc import Callable
from math import isinf, isnan
from typing import Annotated

import typer

from gator import client, errors
from gator.client import convert
from gator.spec.metric_names import NAME_RULE, is_metric_name


def log(
    text: Annotated[
        list[str],
        typer.Argument(metavar="TEXT...", help="The message; several arguments are joined by spaces."),
    ],
    severity: Annotated[
        str,
        typer.Option(
            "--severity",
            "-s",
            metavar="LEVEL",
            help="Set the severity: debug, info, warning, error or critical.",
        ),
    ] = "info",
    field: Annotated[
        list[str] | None,
        typer.Option("--field", "-f", metavar="KEY=VALUE", help="Add a field; may be repeated."),
    ] = None,
) -> None:
    """Record a message of the job that calls it."""
    _check(severity, convert.SEVERITIES, "--severity")
    fields = dict(_pair(item) for item in field or [])
    _send(lambda job: job.log(" ".join(text), severity=severity, fields=fields))


def metric(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the metric.")],
    value: Annotated[
        str,
        typer.Argument(metavar="VALUE", help="A number or inf; put -- before a negative number."),
    ],
    kind: Annotated[
        str,
        typer.Option("--kind", "-k", metavar="KIND", help="Combine values with last, sum, min, max or mean."),
    ] = "last",
    unit: Annotated[
        str, typer.Option("--unit", "-u", metavar="UNIT", help="Set the unit that is shown after the value.")
    ] = "",
) -> None:
    """Record a value of a metric of the job that calls it."""
    _check(kind, convert.KINDS, "--kind")
    if not is_metric_name(name):
        raise errors.UsageError(f"cannot record the metric {name[:140]!r}: {NAME_RULE}")
    number = _number(name, value)
    _send(lambda job: job.metric(name, number, kind=kind, unit=unit))


def _send(echo: Callable[[client.Client], None]) -> None:
    """Sends a record and returns when it is stored; exits with 3 if it is not accepted in time."""
    job = client.Client(os.environ, threaded=False)
    echo(job)
    kept = job.flush(0.0)
    job.close(0.0)
    if not kept:
        raise typer.Exit(3)


def _check(word: str, words: tuple[str, ...], option: str) -> None:
    if word.lower() not in words:
        raise errors.UsageError(f"{option} {word}: must be one of {', '.join(words)}")


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise errors.UsageError(
            f"invalid value {text[:140]!r} for metric {name}: must be a number"
        ) from error
    if isnan(number):
        raise errors.UsageError(f"invalid value {text!r} for metric {name}: must be a number")
    if isinf(number) and "inf" not in text.lower():
        limit = sys.float_info.max
        raise errors.UsageError(
            f"invalid value {text[:140]!r} for metric {name}: must be at most {limit:.2g}, or inf"
        )
    return number


def _pair(item: str) -> tuple[str, str]:
    key, separator, value = item.partition("=")
    if not key or not separator:
        raise errors.UsageError(f"--field {item}: must be KEY=VALUE")
    return key, value
