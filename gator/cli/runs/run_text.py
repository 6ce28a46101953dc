"""Describes a run in lists, the same for folders and hubs."""

from typing import Final

from gator.console import describe
from gator.core.history.series import options_of
from gator.core.text import cut
from gator.enum_names import enum_name
from gator.v1 import query_pb2

MAX_PART: Final = 60
"""Maximum number of characters of a selection in a list."""


def outcome_of(run: query_pb2.Run, away: str = "away") -> str:
    """Returns the outcome of a run, else `running`, `died`, or `away` if it is not connected to its hub."""
    if run.state == query_pb2.RUN_STATE_DIED:
        return "died"
    word = describe.outcome(run.result.outcome) or enum_name(query_pb2.RunState.DESCRIPTOR, run.state)
    return word or (away if run.last_seen_unix_nanos else "")


def selection_text(run: query_pb2.Run) -> str:
    """Returns the selection of a run: `repeats 3a700579`, `--tag smoke`; empty for the whole spec."""
    part = f"repeats {run.parent[:8]}" if run.parent else options_of(run.selection)
    return cut(part, MAX_PART)


def passed_in(run: query_pb2.Run) -> str:
    """Returns `failures passed in rerun 77e01b9c` if all failures of a run have; else empty."""
    return f"failures passed in rerun {run.passed_in[:8]}" if run.passed_in else ""


def run_duration(run: query_pb2.Run) -> str:
    """Returns the duration of a run; empty while it runs."""
    return describe.took(run.result.usage, run.started_unix_nanos, run.ended_unix_nanos)
