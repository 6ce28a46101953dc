"""The display on a terminal: a few lines at the bottom that show the state of the run, failures above them.

Invariant: an event costs a few table look-ups; the cost of a redraw does not depend on the size of the run.

The escape sequences are written directly instead of through rich: there are six of them, importing rich.live
takes 100 ms before the first job can be shown, and its renderer handles neither a terminal that wraps lines
when it becomes narrower nor one that accepts no output for a while.
"""

import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from gator.console import describe
from gator.console.eta import EtaEstimator
from gator.console.messages import event_text, headline, notice, wanted_events
from gator.console.screen import Screen
from gator.console.summary import Failures, FindEarlierRuns, no_earlier_runs, write_summary
from gator.console.terminal import Terminal
from gator.console.text import cells, cut, cut_front
from gator.core.history.cause_rules import NO_RULES, CauseRules
from gator.core.visible import visible
from gator.ports import LiveState, RunInfo, RunningJob
from gator.units import whole_span
from gator.v1 import attach_pb2, event_pb2

TICK = 1.0
"""Time in seconds between two redraws of the clock."""
MIN_BETWEEN = 0.1
"""Minimum time in seconds between two redraws because of failures."""
SETTLING = 0.3
"""Time in seconds without a resize before lines are redrawn: dragging a window causes many."""
MAX_LONGEST = 8
"""Maximum number of running jobs that are shown."""
_BAR = 30
"""Width of the bar in cells."""
_BAR_ORDER: Final = ("passed", "failed", "lost", "cancelled", "pruned")

Part = tuple[str, str]
"""Text without control characters, and its style."""


class _State(Enum):
    BEFORE = "before"
    SHOWN = "shown"
    ENDED = "ended"


class LiveDisplay:
    """Draws the state of a run. `clock` is the steady clock, in seconds, of the start times of jobs."""

    def __init__(
        self,
        terminal: Terminal,
        *,
        verbose: bool,
        all_messages: bool,
        clock: Callable[[], float] = time.monotonic,
        find_earlier_runs: FindEarlierRuns = no_earlier_runs,
    ) -> None:
        self._terminal = terminal
        self._verbose, self._all = verbose, all_messages
        self._clock = clock
        self._state = _State.BEFORE
        self._screen = Screen(terminal)
        self._find_earlier_runs = find_earlier_runs
        self._failures = Failures(find_earlier_runs, NO_RULES)
        self._drawn_at = 0.0
        self._settled_at = 0.0

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """The events to show: Results, starts if verbose, messages if all are wanted."""
        return wanted_events(verbose=self._verbose, all_messages=self._all)

    def ready(self) -> bool:
        """Returns whether everything was written."""
        return self._terminal.ready()

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """Prints the headline and draws the first lines."""
        self._info, self._run = info, state
        self._failures = Failures(self._find_earlier_runs, CauseRules(info.causes))
        self._began = self._clock()
        self._eta = EtaEstimator(self._began)
        self._state = _State.SHOWN
        self._terminal.line(headline(info))
        self._draw(self._began)

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Prints failures, and other wanted events, above the live lines."""
        for event in events:
            if event.WhichOneof("payload") == "result":
                if self._failures.add(event.path, event.result):
                    line = self._failures.line(self._terminal, event.path, event.result)
                    if line:
                        self._screen.print_above(self._terminal.safe(line) + "\n")
            elif text := event_text(self._terminal, event):
                self._screen.print_above(text)
        if self._screen.waiting and self._state is _State.SHOWN:
            now = self._clock()
            if now - self._drawn_at >= MIN_BETWEEN:
                self._draw(now)

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Prints a notice above the live lines."""
        line = notice(self._terminal, text, warning=warning)
        if self._state is not _State.SHOWN:
            self._terminal.line(line)
            return
        self._screen.print_above(self._terminal.safe(line) + "\n")
        self._draw(self._clock())

    def on_change(self, now: float) -> float | None:
        """Redraws the lines; returns the seconds until the next call."""
        if self._state is not _State.SHOWN:
            return None
        if now < self._settled_at:
            return self._settled_at - now
        self._draw(now)
        return TICK

    def on_terminal_changed(self, now: float) -> None:
        """Abandons the lines: after a resize only the terminal knows where they are."""
        self._screen.forget()
        self._settled_at = now + SETTLING

    def on_end(self, result: event_pb2.Result) -> None:
        """Replaces the live lines by the summary."""
        self._state = _State.ENDED
        self._screen.close()
        write_summary(self._terminal, self._info, self._failures, result, result.usage.wall_nanos)

    # -- the live lines

    def _draw(self, now: float) -> None:
        if now < self._settled_at:
            return
        self._drawn_at = now
        columns, rows = self._terminal.size()
        tally = self._run.tally
        self._eta.note(now, tally.passed + tally.failed + tally.lost)
        lines = [self._progress(now, tally), self._counts(tally)]
        maximum = min(MAX_LONGEST, rows - 1 - len(lines))
        if maximum > 0 and tally.running:
            lines += [_job(job, now, columns) for job in self._run.running(maximum)]
        # The last cell of a row stays empty, because terminals differ in when they wrap after it.
        self._screen.draw([self._fit(line, columns - 1) for line in lines[: max(1, rows - 1)]])

    def _progress(self, now: float, tally: event_pb2.Tally) -> list[Part]:
        ahead = tally.waiting + tally.running
        total = max(1, self._info.jobs)
        ended = sum(getattr(tally, name) for name in _BAR_ORDER)
        share = min(1.0, 1 - ahead / total) if ahead else float(ended > 0)
        when = whole_span(int(now - self._began))
        left = None if self._run.stopping else self._eta.left(now, ahead)
        if left is not None:
            when += f", about {whole_span(left)} left"
        if self._run.stopping:
            when += ", stopping"
        return [*self._bar(tally), (f" {int(share * 100):3} %  {when}", "")]

    def _bar(self, tally: event_pb2.Tally) -> list[Part]:
        done, rest = ("#", "-") if self._terminal.plain_characters else ("━", "─")
        total = max(1, self._info.jobs)
        parts: list[Part] = []
        ended = filled = 0
        for name in _BAR_ORDER:
            ended += getattr(tally, name)
            upto = min(_BAR, ended * _BAR // total)
            parts.append((done * (upto - filled), name))
            filled = upto
        parts.append((rest * (_BAR - filled), "dim"))
        return parts

    def _counts(self, tally: event_pb2.Tally) -> list[Part]:
        parts: list[Part] = []
        for name, number in describe.tally_parts(tally):
            parts += [(", ", ""), (f"{number:,} {name}", name if name in _BAR_ORDER else "")]
        return parts[1:] or [("nothing yet", "")]

    def _fit(self, parts: Sequence[Part], maximum: int) -> tuple[str, int]:
        """Returns a line of at most `maximum` cells, and its number of cells."""
        mark = "" if self._terminal.plain_characters else "…"
        line, used = "", 0
        for text, style in parts:
            shown = cut(text, maximum - used, mark)
            line += self._terminal.paint(shown, style) if shown else ""
            used += cells(shown)
            if shown != text:
                break
        return line, used


def _job(job: RunningJob, now: float, columns: int) -> list[Part]:
    stamp = f"{whole_span(int(max(0.0, now - job.started))):>7}  "
    state = "  starting" if job.is_starting else ""
    path = cut_front(visible(job.path), max(0, columns - 1 - len(stamp) - len(state)))
    return [(stamp, "dim"), (path, ""), (state, "dim")]
