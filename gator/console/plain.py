"""The display for logs and pipes: a line for each failure as it happens, and a line of counts each minute.

Invariant: every line is complete in itself, and nothing is redrawn.
"""

from collections.abc import Sequence

from gator.console import describe
from gator.console.messages import event_text, headline, notice, wanted_events
from gator.console.summary import Failures, FindEarlierRuns, no_earlier_runs, write_summary
from gator.console.terminal import Terminal
from gator.core.history.cause_rules import NO_RULES, CauseRules
from gator.ports import LiveState, RunInfo
from gator.units import whole_span
from gator.v1 import attach_pb2, common_pb2, event_pb2

STATUS_SECONDS = 60.0
"""Time in seconds between two lines of counts."""


class PlainDisplay:
    """Prints lines."""

    def __init__(
        self,
        terminal: Terminal,
        *,
        quiet: bool,
        verbose: bool,
        all_messages: bool,
        find_earlier_runs: FindEarlierRuns = no_earlier_runs,
    ) -> None:
        self._terminal = terminal
        self._quiet, self._verbose, self._all = quiet, verbose, all_messages
        self._find_earlier_runs = find_earlier_runs
        self._failures = Failures(find_earlier_runs, NO_RULES)
        self._began: float | None = None
        self._printed_at = 0.0

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """The events to show: Results, starts if verbose, messages if all are wanted."""
        return wanted_events(verbose=self._verbose, all_messages=self._all)

    def ready(self) -> bool:
        """Returns whether everything was written."""
        return self._terminal.ready()

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """Prints the headline."""
        self._info, self._state = info, state
        self._failures = Failures(self._find_earlier_runs, CauseRules(info.causes))
        if not self._quiet:
            self._terminal.line(headline(info))

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Prints failures and other wanted events."""
        for event in events:
            if event.WhichOneof("payload") == "result":
                # A run of a single job has only the line at its end.
                is_silent = self._info.single or self._quiet
                if self._failures.add(event.path, event.result) and not is_silent:
                    line = self._failures.line(self._terminal, event.path, event.result)
                    if line:
                        self._terminal.line(line)
            elif text := event_text(self._terminal, event):
                self._terminal.write(text)

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Prints a notice; if quiet, only a warning."""
        if warning or not self._quiet:
            self._terminal.line(notice(self._terminal, text, warning=warning))

    def on_change(self, now: float) -> float | None:
        """Prints the counts once a minute; returns the seconds until the next call."""
        if self._quiet:
            return None
        if self._began is None:
            self._began = self._printed_at = now
        if now - self._printed_at >= STATUS_SECONDS:
            self._printed_at = now
            self._terminal.line(f"{whole_span(now - self._began)}: {describe.tally(self._state.tally)}")
        return self._printed_at + STATUS_SECONDS - now

    def on_terminal_changed(self, now: float) -> None:
        """Does nothing: printed lines stay where they are."""

    def on_end(self, result: event_pb2.Result) -> None:
        """Prints the summary."""
        if self._info.single and self._quiet and result.outcome == common_pb2.OUTCOME_PASSED:
            return
        write_summary(self._terminal, self._info, self._failures, result, result.usage.wall_nanos)
