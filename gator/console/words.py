"""How outcomes, numbers and times are written for people.

The rule: the same thing is written the same way everywhere.
"""

from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2

OUTCOME_COLOURS = {
    pb.OUTCOME_PASSED: "32",
    pb.OUTCOME_FAILED: "31",
    pb.OUTCOME_LOST: "35",
    pb.OUTCOME_CANCELLED: "33",
    pb.OUTCOME_PRUNED: "2",
}
TALLY_ORDER = ("running", "waiting", "passed", "failed", "lost", "pruned", "cancelled")


def outcome(value: pb.Outcome.ValueType) -> str:
    """`PASSED`, `FAILED`, ..."""
    return pb.Outcome.Name(value).removeprefix("OUTCOME_")


def plural(number: int, noun: str) -> str:
    """`1 job`, `3 jobs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clock(seconds: float) -> str:
    """A span of time: `0.4 s`, `12 s`, `3:05`, `2:03:05`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def tally(counts: event_pb2.Tally) -> str:
    """`2 running, 5 waiting, 10 passed`; what is zero is left out, but never all."""
    parts = [f"{getattr(counts, name)} {name}" for name in TALLY_ORDER if getattr(counts, name)]
    return ", ".join(parts) or "nothing yet"
