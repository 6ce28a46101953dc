"""Applies the parameters and the scale of a repeated run to its rerun, with notes about differences."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from gator.cli.launch.reruns.requested_selection import RequestedSelection
from gator.console import describe
from gator.core.launch.parameters import PARAM, SCALE, by_name, options_of, value_of
from gator.core.launch.variables import differing_variables
from gator.core.redact import MASK
from gator.errors import UsageError
from gator.git import GitQuestion
from gator.runtime.text_encoding import launch_variables
from gator.units import some_of
from gator.v1 import query_pb2

_MAX_VARIABLES: Final = 3
"""Maximum number of variables that are named."""


def inherit(
    selected: RequestedSelection, repeated: query_pb2.Run, requested: RequestedSelection
) -> RequestedSelection:
    """Returns `selected` with the parameters and the scale of the repeated run that `requested` lacks.

    Raises UsageError for a secret value, which is not recorded.
    """
    given = by_name(requested.params)
    recorded = by_name(options_of(repeated.argv, PARAM))
    inherited = {name: value for name, value in recorded.items() if name not in given}
    for name, value in inherited.items():
        if MASK in value:
            raise UsageError(
                f"run {repeated.id[:8]} had a secret value of {name}, which is not recorded: "
                f"use --param {name}=VALUE"
            )
    scale = requested.scale
    params = [f"{name}={value}" for name, value in inherited.items()]
    words = [word for param in params for word in (PARAM, param)]
    if scale is None and (scales := options_of(repeated.argv, SCALE)):
        scale = scales[-1]
        words += [SCALE, scale]
    notes = [f"as in run {repeated.id[:8]}: {' '.join(words)}"] if words else []
    if _differ(given, repeated.params):
        had = " ".join(f"{name}={value_of(repeated.params, name) or ''}" for name in given)
        notes.append(
            f"run {repeated.id[:8]} had {had}: a job that passes with other parameters keeps its failure"
        )
    return replace(
        selected,
        params=[*params, *requested.params],
        scale=scale,
        inherited=words,
        notes=[*notes, *_about_commits(repeated), *_about_variables(repeated)],
    )


def _about_variables(repeated: query_pb2.Run) -> Iterator[str]:
    """Yields a note if variables that the jobs use differ from those of the repeated run."""
    differing = differing_variables(repeated, launch_variables())
    if differing:
        yield (
            f"variables differ from those of run {repeated.id[:8]}: {some_of(differing, _MAX_VARIABLES)}; "
            "a failure that they caused may not occur again"
        )


def _about_commits(repeated: query_pb2.Run) -> Iterator[str]:
    """Yields a note if the working tree is at another commit than the repeated run was."""
    then = repeated.git.commit
    now = GitQuestion(".").answer() if then else None
    if now is not None and now.commit != then:
        yield (
            f"this run is at {describe.commit(now)}, and run {repeated.id[:8]}, which it repeats, "
            f"was at {then[:8]}"
        )


def _differ(given: Mapping[str, str], recorded: Mapping[str, str]) -> bool:
    """Returns whether a given value is another one than that of the repeated run."""
    return any((value_of(recorded, name) or "") not in (value, MASK) for name, value in given.items())
