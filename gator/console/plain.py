"""The display for logs and pipes: a line for each failure at once, and one of counts a minute.

The rule: every line makes sense by itself, and nothing is ever redrawn.
"""

from collections.abc import Sequence

from gator.console import words
from gator.console.messages import event_text
from gator.console.summary import Failures, write_summary
from gator.console.terminal import Terminal
from gator.ports import LiveState, RunInfo
from gator.units import whole_span
from gator.v1 import attach_pb2, event_pb2
from gator.v1 import common_pb2 as pb

STATUS_SECONDS = 60.0


class PlainDisplay:
    """Prints lines."""

    def __init__(self, paper: Terminal, *, quiet: bool, verbose: bool, all_messages: bool) -> None:
        self._paper = paper
        self._quiet, self._verbose, self._all = quiet, verbose, all_messages
        self._failures = Failures()
        self._began: float | None = None
        self._said = 0.0

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """Results always; starts when verbose; messages when all are asked for."""
        return words.wanted(verbose=self._verbose, all_messages=self._all)

    def ready(self) -> bool:
        """Returns whether its reader has taken what was shown."""
        return self._paper.ready()

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """The run begins."""
        self._info, self._state = info, state
        if not self._quiet:
            self._paper.line(words.headline(info))

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Looks for failures, and for what else was asked for."""
        for event in events:
            if event.WhichOneof("payload") == "result":
                # What a run of a single job ends with is told at its end alone.
                told = self._info.single or self._quiet
                if self._failures.add(event.path, event.result) and not told:
                    line = self._failures.line(self._paper, event.path, event.result)
                    if line:
                        self._paper.line(line)
            elif text := event_text(self._paper, event):
                self._paper.write(text)

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Gator has something to say."""
        if warning or not self._quiet:
            self._paper.line(words.notice(self._paper, text, warning=warning))

    def on_change(self, now: float) -> float | None:
        """Once a minute, say how things are."""
        if self._quiet:
            return None
        if self._began is None:
            self._began = self._said = now
        if now - self._said >= STATUS_SECONDS:
            self._said = now
            self._paper.line(f"{whole_span(now - self._began)}: {words.tally(self._state.tally)}")
        return self._said + STATUS_SECONDS - now

    def on_terminal_changed(self, now: float) -> None:
        """Does nothing: printed lines stay where they are."""

    def on_end(self, result: event_pb2.Result) -> None:
        """The run has ended."""
        if self._info.single and self._quiet and result.outcome == pb.OUTCOME_PASSED:
            return
        write_summary(self._paper, self._info, self._failures, result, result.usage.wall_nanos)
