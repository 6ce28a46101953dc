"""The display of a single job: its output as it comes, between a few lines of Gator's own.

The rule: nothing is held back and nothing is said twice; a flood costs no step in Python per line.
"""

from collections.abc import Sequence

from gator.console import words
from gator.console.paper import Paper
from gator.console.summary import again
from gator.core.amounts import plural
from gator.core.text import cut, readable
from gator.ports import LiveState, RunInfo
from gator.store import decode_block
from gator.v1 import attach_pb2, event_pb2
from gator.v1 import common_pb2 as pb


class SingleDisplay:
    """Prints what the original Gator prints for one job."""

    def __init__(self, paper: Paper, *, verbose: bool) -> None:
        self._paper = paper
        self._verbose = verbose
        self._open: pb.Stream.ValueType = pb.STREAM_UNSPECIFIED
        """The stream inside whose line the paper stands."""

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """All that the job says, and how it ends."""
        return attach_pb2.EventFilter(
            kinds=[
                attach_pb2.EVENT_KIND_STARTED,
                attach_pb2.EVENT_KIND_LOG,
                attach_pb2.EVENT_KIND_BLOCK,
                attach_pb2.EVENT_KIND_METRIC,
                attach_pb2.EVENT_KIND_ATTEMPT_FINISHED,
                attach_pb2.EVENT_KIND_RESULT,
            ],
            severity=pb.SEVERITY_DEBUG if self._verbose else pb.SEVERITY_INFO,
        )

    def ready(self) -> bool:
        """Whether its reader has taken what was shown."""
        return self._paper.ready()

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """The run begins."""
        del state
        self._info = info
        self._say("Starting Gator 🐊")
        self._say(f"Launching task: {cut(info.command)}")

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Something happened to the job."""
        for event in events:
            match event.WhichOneof("payload"):
                case "started":
                    number = f", attempt {event.attempt}" if event.attempt > 1 else ""
                    self._say(f"Monitoring task{number}")
                case "block":
                    self._print(event.block)
                case "log":
                    self._say(event.log.text, event.log.severity)
                case "metric":
                    metric = event.metric
                    self._say(f"Metric {metric.name} = {metric.value:g} {metric.unit}".rstrip())
                case "attempt_finished":
                    self._end_attempt(event.attempt_finished)
                case _:
                    pass

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Gator has something to say."""
        self._say(text, pb.SEVERITY_WARNING if warning else pb.SEVERITY_INFO)

    def on_change(self, now: float) -> float | None:
        """There is nothing to redraw."""
        del now
        return None

    def on_end(self, result: event_pb2.Result) -> None:
        """The run has ended."""
        if result.outcome != pb.OUTCOME_PASSED:
            self._say(f"Task {words.outcome(result.outcome).lower()}: {result.message}", pb.SEVERITY_ERROR)
        if self._verbose or result.outcome != pb.OUTCOME_PASSED:
            self._say(f"The record is in {self._info.folder}")
            self._say(f"To run it again: {again(self._info)}")

    def _end_attempt(self, end: event_pb2.AttemptFinished) -> None:
        if end.HasField("exit_code"):
            self._say(f"Task completed with return code {end.exit_code}")
        elif end.HasField("signal"):
            self._say(f"Task was killed by signal {end.signal}")
        errors = end.counts.error + end.counts.critical
        self._say(f"Recorded {plural(end.counts.warning, 'warning')} and {plural(errors, 'error')}")

    def _print(self, block: event_pb2.Block) -> None:
        text = readable(decode_block(block))
        if not text:
            return
        head = self._paper.head(block.severity)
        whole = text.endswith("\n")
        body = text.removesuffix("\n").replace("\n", "\n" + head)
        if block.continues and self._open == block.stream:
            head = ""
        self._close_line(keep=not head)
        self._paper.write(f"{head}{body}\n" if whole else head + body)
        self._open = pb.STREAM_UNSPECIFIED if whole else block.stream

    def _say(self, text: str, severity: pb.Severity.ValueType = pb.SEVERITY_INFO) -> None:
        self._close_line()
        self._paper.message(severity, text)

    def _close_line(self, *, keep: bool = False) -> None:
        """What comes next begins a line, unless it goes on with the one that is open."""
        if self._open and not keep:
            self._paper.write("\n")
            self._open = pb.STREAM_UNSPECIFIED
