"""How outcomes and numbers are written for people.

The rule: the same thing is written the same way everywhere.
"""

from gator.console.terminal import Terminal
from gator.ports import RunInfo
from gator.units import plural
from gator.v1 import attach_pb2, event_pb2
from gator.v1 import common_pb2 as pb

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


def wanted(*, verbose: bool, all_messages: bool) -> attach_pb2.EventFilter:
    """What a display of many jobs wants: Results; steps of jobs when verbose; messages if all are wanted."""
    kinds: list[attach_pb2.EventKind.ValueType] = [attach_pb2.EVENT_KIND_RESULT]
    if verbose:
        kinds += [attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED]
    if all_messages:
        kinds += [attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_BLOCK]
    return attach_pb2.EventFilter(kinds=kinds)


def headline(info: RunInfo) -> str:
    """What is said before anything happens."""
    jobs, cores = plural(info.jobs, "job"), plural(info.cores, "core")
    return f"{info.ident}: {jobs} on {cores}, seed {info.seed}, folder {info.folder}"


def notice(paper: Terminal, text: str, *, warning: bool) -> str:
    """Something that Gator itself says."""
    return f"{paper.paint('warning:', '33')} {text}" if warning else text


def tally(counts: event_pb2.Tally) -> str:
    """`2 running, 5 waiting, 10 passed`; what is zero is left out, but never all."""
    parts = [f"{getattr(counts, name):,} {name}" for name in TALLY_ORDER if getattr(counts, name)]
    return ", ".join(parts) or "nothing yet"
