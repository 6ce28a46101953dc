"""The display for logs and pipes: a line for each failure at once, and a line of counts a minute.

The rule: every line makes sense by itself, and nothing is ever redrawn.
"""

from collections.abc import Sequence

from gator.console import words
from gator.console.messages import write_messages
from gator.console.paper import Paper
from gator.console.summary import Failures, failure_lines, write_summary
from gator.ports import LiveState, RunInfo
from gator.v1 import attach_pb2, event_pb2
from gator.v1 import common_pb2 as pb

STATUS_SECONDS = 60.0
_MESSAGES = (attach_pb2.EVENT_KIND_LOG, attach_pb2.EVENT_KIND_BLOCK)
_STEPS = (attach_pb2.EVENT_KIND_STARTED, attach_pb2.EVENT_KIND_ATTEMPT_FINISHED)


class PlainDisplay:
    """Prints lines."""

    def __init__(self, paper: Paper, *, quiet: bool, verbose: bool, all_messages: bool) -> None:
        self._paper = paper
        self._quiet, self._verbose, self._all = quiet, verbose, all_messages
        self._failures = Failures()
        self._began: float | None = None
        self._said = 0.0
        self._now = 0.0

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """Results always; starts when verbose; messages when all are asked for."""
        kinds: list[attach_pb2.EventKind.ValueType] = [attach_pb2.EVENT_KIND_RESULT]
        if self._verbose:
            kinds += _STEPS
        if self._all:
            kinds += _MESSAGES
        return attach_pb2.EventFilter(kinds=kinds)

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """The run begins."""
        self._info, self._state = info, state
        if not self._quiet:
            jobs, cores = words.plural(info.jobs, "job"), words.plural(info.cores, "core")
            self._paper.line(f"{info.ident}: {jobs} on {cores}, seed {info.seed}, folder {info.folder}")

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Look for failures, and for what else was asked for."""
        for event in events:
            match event.WhichOneof("payload"):
                case "result":
                    self._on_result(event)
                case "started":
                    self._paper.line(f"started {event.path}, attempt {event.attempt}")
                case "attempt_finished":
                    outcome = words.outcome(event.attempt_finished.outcome)
                    self._paper.line(f"{outcome} {event.path}, attempt {event.attempt}")
                case "log" | "block":
                    write_messages(self._paper, event)
                case _:
                    pass

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Gator has something to say."""
        if warning or not self._quiet:
            self._paper.line(f"{'warning: ' if warning else ''}{text}")

    def on_change(self, now: float) -> float | None:
        """Once a minute, say how things are."""
        if self._began is None:
            self._began = self._said = now
        self._now = now
        if now - self._said >= STATUS_SECONDS:
            self._said = now
            if not self._quiet:
                self._paper.line(f"{words.clock(now - self._began)}: {words.tally(self._state.tally)}")
        return self._said + STATUS_SECONDS - now

    def on_end(self, result: event_pb2.Result) -> None:
        """The run has ended."""
        wall = result.usage.wall_nanos / 1e9
        if self._info.single and self._quiet and result.outcome == pb.OUTCOME_PASSED:
            return
        write_summary(self._paper, self._info, self._failures, result, wall)

    def _on_result(self, event: event_pb2.Event) -> None:
        if self._failures.add(event.path, event.result):
            for line in failure_lines(self._paper, self._info.folder, event.path, event.result):
                self._paper.line(line)
