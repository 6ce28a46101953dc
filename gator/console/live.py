"""The display for a terminal: a few lines at the bottom that show how the run stands, failures above them.

The rule: an event costs a few table look-ups; drawing happens when the event loop says so, and costs the
same whatever the size of the run.

The escape sequences are written by hand rather than through rich: there are six of them, importing
rich.live takes 100 ms before the first job can be shown, and its renderer neither follows a terminal that
breaks lines when it becomes narrower nor steps back while the terminal takes nothing.
"""

import time
from collections.abc import Callable, Sequence
from enum import Enum

from gator.console import words
from gator.console.eta import EtaEstimator
from gator.console.messages import event_text
from gator.console.screen import Screen
from gator.console.summary import Failures, write_summary
from gator.console.terminal import Terminal
from gator.console.text import cells, cut, cut_front
from gator.core.visible import visible
from gator.ports import LiveState, RunInfo, RunningJob
from gator.units import whole_span
from gator.v1 import attach_pb2, event_pb2

TICK = 1.0
"""Seconds after which the clock is drawn anew."""
MIN_BETWEEN = 0.1
"""Seconds between two draws that failures ask for."""
SETTLING = 0.3
"""Time in seconds without a resize before lines are redrawn: dragging a window causes many."""
MAX_LONGEST = 8
_BAR = 30
_BAR_COLOURS = (("passed", "32"), ("failed", "31"), ("lost", "35"), ("cancelled", "33"), ("pruned", "2"))
_COUNT_COLOURS = dict(_BAR_COLOURS)

Part = tuple[str, str]
"""Text without control characters, and its colour as in SGR."""


class _State(Enum):
    BEFORE = "before"
    SHOWN = "shown"
    ENDED = "ended"


class LiveDisplay:
    """Draws the state of a run. `clock` is steady, in seconds, the one by which jobs started."""

    def __init__(
        self,
        paper: Terminal,
        *,
        verbose: bool,
        all_messages: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paper = paper
        self._verbose, self._all = verbose, all_messages
        self._clock = clock
        self._state = _State.BEFORE
        self._screen = Screen(paper)
        self._failures = Failures()
        self._drawn_at = 0.0
        self._settled_at = 0.0

    @property
    def wants(self) -> attach_pb2.EventFilter:
        """Results always; starts when verbose; messages when all are asked for."""
        return words.wanted(verbose=self._verbose, all_messages=self._all)

    def ready(self) -> bool:
        """Returns whether its reader has taken what was shown."""
        return self._paper.ready()

    def on_start(self, info: RunInfo, state: LiveState) -> None:
        """The run begins."""
        self._info, self._run = info, state
        self._began = self._clock()
        self._pace = EtaEstimator(self._began)
        self._state = _State.SHOWN
        self._paper.line(words.headline(info))
        self._draw(self._began)

    def on_events(self, events: Sequence[event_pb2.Event]) -> None:
        """Prints failures, and what else was asked for, above the live lines."""
        for event in events:
            if event.WhichOneof("payload") == "result":
                if self._failures.add(event.path, event.result):
                    line = self._failures.line(self._paper, event.path, event.result)
                    if line:
                        self._screen.print_above(self._paper.safe(line) + "\n")
            elif text := event_text(self._paper, event):
                self._screen.print_above(text)
        if self._screen.waiting and self._state is _State.SHOWN:
            now = self._clock()
            if now - self._drawn_at >= MIN_BETWEEN:
                self._draw(now)

    def on_notice(self, text: str, *, warning: bool = False) -> None:
        """Gator has something to say."""
        line = words.notice(self._paper, text, warning=warning)
        if self._state is not _State.SHOWN:
            self._paper.line(line)
            return
        self._screen.print_above(self._paper.safe(line) + "\n")
        self._draw(self._clock())

    def on_change(self, now: float) -> float | None:
        """Draws how things are."""
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
        """The run has ended: the live lines make room for the summary."""
        self._state = _State.ENDED
        self._screen.close()
        write_summary(self._paper, self._info, self._failures, result, result.usage.wall_nanos)

    # -- the live lines

    def _draw(self, now: float) -> None:
        if now < self._settled_at:
            return
        self._drawn_at = now
        columns, rows = self._paper.size()
        tally = self._run.tally
        self._pace.note(now, tally.passed + tally.failed + tally.lost)
        lines = [self._progress(now, tally), self._counts(tally)]
        most = min(MAX_LONGEST, rows - 1 - len(lines))
        if most > 0 and tally.running:
            lines += [_job(job, now, columns) for job in self._run.running(most)]
        # One cell is left over, as terminals differ in what they do after the last one.
        self._screen.draw([self._fit(line, columns - 1) for line in lines[: max(1, rows - 1)]])

    def _progress(self, now: float, tally: event_pb2.Tally) -> list[Part]:
        ahead = tally.waiting + tally.running
        total = max(1, self._info.jobs)
        ended = sum(getattr(tally, name) for name, _ in _BAR_COLOURS)
        share = min(1.0, 1 - ahead / total) if ahead else float(ended > 0)
        when = whole_span(int(now - self._began))
        left = None if self._run.stopping else self._pace.left(now, ahead)
        if left is not None:
            when += f", about {whole_span(left)} left"
        if self._run.stopping:
            when += ", stopping"
        return [*self._bar(tally), (f" {int(share * 100):3} %  {when}", "")]

    def _bar(self, tally: event_pb2.Tally) -> list[Part]:
        done, rest = ("#", "-") if self._paper.plain_characters else ("━", "─")
        total = max(1, self._info.jobs)
        parts: list[Part] = []
        ended = filled = 0
        for name, colour in _BAR_COLOURS:
            ended += getattr(tally, name)
            upto = min(_BAR, ended * _BAR // total)
            parts.append((done * (upto - filled), colour))
            filled = upto
        parts.append((rest * (_BAR - filled), "2"))
        return parts

    def _counts(self, tally: event_pb2.Tally) -> list[Part]:
        parts: list[Part] = []
        for name in words.TALLY_ORDER:
            number = getattr(tally, name)
            if number:
                parts += [(", ", ""), (f"{number:,} {name}", _COUNT_COLOURS.get(name, ""))]
        return parts[1:] or [("nothing yet", "")]

    def _fit(self, parts: Sequence[Part], most: int) -> tuple[str, int]:
        """Parts as a line of at most so many cells, and the cells it takes."""
        mark = "" if self._paper.plain_characters else "…"
        line, used = "", 0
        for text, colour in parts:
            shown = cut(text, most - used, mark)
            line += self._paper.paint(shown, colour) if shown else ""
            used += cells(shown)
            if shown != text:
                break
        return line, used


def _job(job: RunningJob, now: float, columns: int) -> list[Part]:
    stamp = f"{whole_span(int(max(0.0, now - job.started))):>7}  "
    return [(stamp, "2"), (cut_front(visible(job.path), max(0, columns - 1 - len(stamp))), "")]
