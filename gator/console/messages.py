"""Lines about a run with many jobs: its headline, notices, and the steps and messages of jobs.

Invariant: a line of a job stays one line, and names the job.
"""

from gator.console import describe
from gator.console.terminal import Terminal
from gator.core.visible import visible, visible_lines
from gator.ports import RunInfo
from gator.store import decode_block
from gator.units import plural
from gator.v1 import attach_pb2, common_pb2, event_pb2


def wanted_events(*, verbose: bool, all_messages: bool) -> attach_pb2.EventFilter:
    """Returns the filter of a display: Results; steps of jobs if verbose; messages if all are wanted."""
    kinds: list[attach_pb2.EventKind.ValueType] = [attach_pb2.EVENT_KIND_RESULT]
    if verbose:
        kinds += [attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED]
        kinds += [attach_pb2.EVENT_KIND_PROGRESS, attach_pb2.EVENT_KIND_ARTEFACT]
    if all_messages:
        kinds += [attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_BLOCK]
    return attach_pb2.EventFilter(kinds=kinds)


def headline(info: RunInfo) -> str:
    """Returns the first line of a run."""
    jobs, cores = plural(info.jobs, "job"), plural(info.cores, "core")
    return f"{info.ident}: {jobs} on {cores}, seed {info.seed}, folder {info.folder}"


def notice(terminal: Terminal, text: str, *, warning: bool) -> str:
    """Returns the line of a notice of Gator itself."""
    return f"{terminal.paint('warning:', 'warning')} {text}" if warning else text


def painted_outcome(terminal: Terminal, outcome: common_pb2.Outcome.ValueType) -> str:
    """Returns `PASSED`, `FAILED`, … in its style."""
    name = describe.outcome(outcome)
    return terminal.paint(name.upper(), name)


def event_text(terminal: Terminal, event: event_pb2.Event) -> str:
    """Returns whole lines about a start, an end of an attempt, a message or a block; else empty."""
    match event.WhichOneof("payload"):
        case "started":
            return f"started {_attempt(event)}\n"
        case "attempt_finished":
            if event.attempt_finished.outcome == common_pb2.OUTCOME_FAILED:
                # The Result of the job has a line, as only lost attempts are repeated.
                return ""
            return f"{painted_outcome(terminal, event.attempt_finished.outcome)} {_attempt(event)}\n"
        case "progress":
            return f"{visible(event.path)}: {describe.progress(event.progress) or 'running'}\n"
        case "artefact":
            return f"{visible(event.path)}: artefact {visible(describe.artefact(event.artefact))}\n"
        case "log":
            data = event.log.text.encode("utf-8", "surrogateescape")
            return _lines(terminal, event.path, event.log.severity, data)
        case "block":
            # A block is printed as a whole, because a Python step per line would slow down a flood.
            return _lines(terminal, event.path, event.block.severity, decode_block(event.block))
        case _:
            return ""


def _lines(terminal: Terminal, path: str, severity: common_pb2.Severity.ValueType, data: bytes) -> str:
    head = f"{terminal.head(severity)}{visible(path)}: "
    text = visible_lines(data, colours=terminal.colour)
    return head + text.removesuffix("\n").replace("\n", "\n" + head) + "\n"


def _attempt(event: event_pb2.Event) -> str:
    path = visible(event.path)
    return path if event.attempt <= 1 else f"{path}, attempt {event.attempt}"
