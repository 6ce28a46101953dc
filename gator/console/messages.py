"""Steps and messages of many jobs in one stream: each line names its job.

The rule: a line of a job stays one line.
"""

from gator.console import words
from gator.console.terminal import Terminal
from gator.core.visible import visible, visible_lines
from gator.store import decode_block
from gator.v1 import common_pb2 as pb
from gator.v1 import event_pb2


def event_text(paper: Terminal, event: event_pb2.Event) -> str:
    """Whole lines on a start, an end of an attempt, a message or a block; empty for anything else."""
    match event.WhichOneof("payload"):
        case "started":
            return f"started {_attempt(event)}\n"
        case "attempt_finished":
            if event.attempt_finished.outcome == pb.OUTCOME_FAILED:
                # Only lost attempts are repeated: this is the job's end, and its Result has a line.
                return ""
            return f"{_end(paper, event.attempt_finished.outcome)} {_attempt(event)}\n"
        case "log":
            data = event.log.text.encode("utf-8", "surrogateescape")
            return _lines(paper, event.path, event.log.severity, data)
        case "block":
            # Lines are not looked at one by one: a flood must cost little.
            return _lines(paper, event.path, event.block.severity, decode_block(event.block))
        case _:
            return ""


def _lines(paper: Terminal, path: str, severity: pb.Severity.ValueType, data: bytes) -> str:
    head = f"{paper.head(severity)}{visible(path)}: "
    text = visible_lines(data, colours=paper.colour)
    return head + text.removesuffix("\n").replace("\n", "\n" + head) + "\n"


def _attempt(event: event_pb2.Event) -> str:
    path = visible(event.path)
    return path if event.attempt <= 1 else f"{path}, attempt {event.attempt}"


def _end(paper: Terminal, outcome: pb.Outcome.ValueType) -> str:
    return paper.paint(words.outcome(outcome), words.OUTCOME_COLOURS.get(outcome, ""))
