"""The live display on a real pty."""

import os
import re
from time import perf_counter

import pytest

from gator.console import make_display
from gator.console.live import LiveDisplay
from gator.console.summary import no_earlier_runs
from gator.console.terminal import Terminal
from gator.ports import RunningJob
from gator.v1 import attach_pb2, common_pb2, event_pb2
from tests.component.console.support import FakeRun, FakeTerminal, block, failed, info, passed

SECOND = 1_000_000_000


class Bench:
    """A display on a terminal, and its time."""

    def __init__(
        self,
        terminal: FakeTerminal,
        *,
        colour: bool = True,
        verbose: bool = False,
        all_messages: bool = False,
    ) -> None:
        self.terminal = terminal
        self.now = 100.0
        self.run = FakeRun(waiting=100)
        self.display = LiveDisplay(
            Terminal(terminal.out, colour=colour),
            verbose=verbose,
            all_messages=all_messages,
            clock=lambda: self.now,
        )

    def start(self, jobs: int = 100) -> list[str]:
        self.run.tally.waiting = jobs
        self.display.on_start(info(jobs), self.run)
        return self.screen()

    def change(self, seconds: float = 1.0, **counts: int) -> list[str]:
        self.now += seconds
        for name, value in counts.items():
            setattr(self.run.tally, name, value)
        assert self.display.on_change(self.now) == 1.0
        return self.screen()

    def end(self, outcome: common_pb2.Outcome.ValueType = common_pb2.OUTCOME_PASSED) -> list[str]:
        result = event_pb2.Result(outcome=outcome, jobs=self.run.tally)
        result.usage.wall_nanos = 62 * SECOND
        self.display.on_end(result)
        return self.screen()

    def screen(self) -> list[str]:
        self.terminal.read()
        assert self.terminal.cursor_shown
        return self.terminal.screen


@pytest.fixture
def bench(terminal: FakeTerminal) -> Bench:
    return Bench(terminal)


HEAD = "top: 100 jobs on 2 cores, seed 7, folder /runs/one"


def test_a_run_begins_with_a_line_that_stays_and_an_empty_bar(bench: Bench):
    assert bench.start() == [HEAD, "─" * 30 + "   0 %  0s", "100 waiting", ""]


def test_before_anything_is_known_nothing_is_done(bench: Bench):
    bench.run.tally.Clear()
    bench.display.on_start(info(100), bench.run)
    assert bench.screen()[1:3] == ["─" * 30 + "   0 %  0s", "nothing yet"]


def test_the_lines_are_drawn_over_themselves(bench: Bench):
    bench.start()
    bench.run.jobs = [RunningJob("top/a", 90), RunningJob("top/b[3]", 100)]
    screen = bench.change(waiting=38, running=2, passed=50, failed=10)
    assert screen == [
        HEAD,
        "━" * 18 + "─" * 12 + "  60 %  1s, about 1s left",
        "2 running, 38 waiting, 50 passed, 10 failed",
        "    11s  top/a",
        "     1s  top/b[3]",
        "",
    ]
    bench.run.jobs = []
    assert len(bench.change(running=0)) == 4


def test_a_job_that_has_not_written_its_first_line_is_starting(bench: Bench):
    bench.start()
    bench.run.jobs = [RunningJob("top/a", 90, is_starting=True), RunningJob("top/b", 90)]
    assert bench.change(running=2)[3:5] == ["    11s  top/a  starting", "    11s  top/b"]


def test_every_state_of_a_job_is_counted(bench: Bench):
    bench.start()
    counts = {"waiting": 1, "running": 2, "passed": 3, "failed": 4, "pruned": 5, "cancelled": 6, "lost": 7}
    screen = bench.change(**counts)
    assert screen[2] == "2 running, 1 waiting, 3 passed, 4 failed, 7 lost, 5 pruned, 6 cancelled"


def test_a_failure_is_printed_above_in_one_line(bench: Bench):
    bench.start()
    bench.now += 1
    bench.display.on_events([passed("top/x"), failed("top/sim[3]")])
    assert bench.screen() == [
        HEAD,
        "FAILED top/sim[3]: exited with code 1",
        "─" * 30 + "   0 %  1s",
        "100 waiting",
        "",
    ]
    end = bench.end(common_pb2.OUTCOME_FAILED)
    assert end[1:6] == [
        "FAILED top/sim[3]: exited with code 1",
        "",
        "1 failure, 1 cause:",
        "FAILED top/sim[3]: exited with code 1",
        "       first error: err:12: boom",
    ]


def test_failures_in_quick_succession_are_printed_with_one_draw(bench: Bench):
    bench.start()
    bench.now += 1
    before = len(bench.terminal.written)
    for number in range(50):
        bench.display.on_events([failed(f"top/x[{number}]", signature=f"{number}")])
    assert "top/x[0]" in "".join(bench.screen())
    assert "top/x[1]" not in "".join(bench.screen())
    bench.change(0.1)
    text = bench.terminal.written[before:]
    assert text.count("exited with code 1") == 50
    assert text.count("100 waiting") == 2


def test_the_summary_takes_the_place_of_the_live_lines(bench: Bench):
    bench.start()
    bench.change(waiting=0, passed=99, failed=1)
    bench.display.on_events([failed("top/x[1]")])
    screen = bench.end(common_pb2.OUTCOME_FAILED)
    assert not any("%" in line or "─" in line for line in screen)
    assert "       again: gator run --only '/top/x[1]' --seed 7 - < SPEC" in screen
    assert screen[-3:] == [
        "FAILED top in 1m02s: 99 passed, 1 failed",
        "seed 7, folder /runs/one",
        "",
    ]
    assert bench.display.on_change(bench.now) is None
    assert bench.screen()[-3:] == screen[-3:], "nothing is drawn after the end"


def test_no_line_is_wrapped_when_the_terminal_becomes_narrow(bench: Bench):
    bench.run.jobs = [RunningJob("top/" + "long/" * 20 + "x[3]", 90)]
    bench.start()
    wide = bench.change(waiting=38, running=2, passed=50, failed=10)
    bench.terminal.resize(30, 24)
    narrow = bench.change(0.1)
    assert len(narrow) == len(wide) + 1, "only the line that stays is broken"
    assert all(len(line) < 30 for line in narrow[2:])
    assert narrow[-2].endswith("x[3]")
    bench.terminal.resize(100, 24)
    assert bench.change(0.1)[-4:-1][0].endswith("left")


def test_the_area_is_never_higher_than_the_terminal(bench: Bench):
    bench.run.jobs = [RunningJob(f"top/x[{n}]", 0) for n in range(20)]
    bench.run.tally.running = 20
    assert len(bench.start()) == 1 + 2 + 8 + 1
    bench.terminal.resize(80, 5)
    assert len(bench.change()) == 1 + 2 + 2 + 1
    bench.terminal.resize(80, 1)
    assert len(bench.change()) == 1 + 1 + 1


def test_wide_characters_take_two_cells(bench: Bench):
    bench.terminal.resize(24, 24)
    bench.run.jobs = [RunningJob("top/試験/試験/試験", 0), RunningJob("top/e\u0301\u200d🐊🐊🐊🐊🐊", 0)]
    bench.run.tally.running = 2
    screen = bench.start()
    assert screen[-3] == "  1m40s  …験/試験/試験"
    assert screen[-2].endswith("🐊🐊🐊🐊🐊")
    assert len(bench.change()) == len(screen), "nothing was wrapped"


def test_what_a_job_writes_moves_no_cursor(terminal: FakeTerminal):
    bench = Bench(terminal, all_messages=True)
    bench.start()
    bench.now += 1
    evil = b"\x1b[2J\x1b[10Aone\r\n50%\r100%\x07\ntwo\n"
    bench.display.on_events([block("top/x", evil), failed("top/y", "bad\x1b[31m\x08\x9b2J")])
    screen = bench.end(common_pb2.OUTCOME_FAILED)
    lines = [line[11:] for line in screen[1:4]]
    assert lines == ["INFO     top/x: one", r"INFO     top/x: 100%\x07", "INFO     top/x: two"]
    assert r"       first error: err:12: bad\x08\x9b2J" in screen


def test_a_stopped_run_says_so_and_estimates_nothing(bench: Bench):
    bench.start()
    bench.run.stopping = True
    assert bench.change(20, waiting=50, passed=50)[1].endswith(" 50 %  20s, stopping")


def test_notices_are_printed_above(bench: Bench):
    bench.display.on_notice("before the start", warning=True)
    bench.start()
    bench.display.on_notice("SIGINT: stopping", warning=True)
    assert [line for line in bench.screen() if line.startswith("warning")] == [
        "warning: before the start",
        "warning: SIGINT: stopping",
    ]


def test_without_colours_only_the_cursor_is_steered(terminal: FakeTerminal):
    bench = Bench(terminal, colour=False)
    bench.start()
    bench.display.on_events([failed("top/x")])
    bench.change()
    bench.end()
    assert set(re.findall(r"\x1b\[[?\d;]*(.)", terminal.written)) == set("lhAKJ")


def test_steps_are_shown_when_verbose(terminal: FakeTerminal):
    bench = Bench(terminal, verbose=True)
    bench.start()
    bench.now += 1
    assert attach_pb2.EVENT_KIND_STARTED in bench.display.wants.kinds
    bench.display.on_events(
        [
            event_pb2.Event(path="top/x", attempt=1, started=event_pb2.Started()),
            event_pb2.Event(
                path="top/x",
                attempt=2,
                attempt_finished=event_pb2.AttemptFinished(outcome=common_pb2.OUTCOME_LOST),
            ),
        ]
    )
    assert bench.screen()[1:3] == ["started top/x", "LOST top/x, attempt 2"]


def test_when_the_terminal_is_gone_the_run_goes_on_in_silence(bench: Bench):
    bench.start()
    os.close(bench.terminal.master)
    bench.terminal.master = -1
    for _ in range(3):
        bench.now += 1
        assert bench.display.on_change(bench.now) == 1.0
        bench.display.on_events([failed("top/x")])
    bench.display.on_notice("something", warning=True)
    bench.display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_PASSED))


def test_a_terminal_that_takes_nothing_does_not_hold_the_run_up(bench: Bench):
    bench.start()
    # As Ctrl-S does.
    os.write(bench.terminal.master, b"\x13")
    began = perf_counter()
    for number in range(20):
        bench.now += 1
        bench.display.on_change(bench.now)
        bench.display.on_events([failed("top/x", signature=f"{number}")])
    assert perf_counter() - began < 5
    os.write(bench.terminal.master, b"\x11")
    bench.change(waiting=7, passed=93)
    screen = bench.change()
    assert "7 waiting, 93 passed" in screen
    assert sum(line.startswith("FAILED") for line in screen) == 20


def test_events_and_draws_cost_the_event_loop_little(bench: Bench):
    bench.start(100_000)
    bench.run.jobs = [RunningJob(f"top/x[{n}]", 0) for n in range(8)]
    events = [passed(f"top/x[{n}]") for n in range(900)]
    began = perf_counter()
    for tenth in range(10):
        bench.display.on_events(events[tenth * 90 : tenth * 90 + 90])
        bench.change(0.1, running=8, passed=90 * tenth, waiting=100_000 - 90 * tenth)
    # A second's worth; about 4 ms here, the simulated screen included.
    assert perf_counter() - began < 0.5


def test_what_others_wrote_after_a_stop_stays_and_the_lines_come_below(terminal: FakeTerminal) -> None:
    bench = Bench(terminal)
    before = bench.start()
    terminal.out.write("[1]+  Stopped\ngator run top\n")
    terminal.out.flush()
    bench.display.on_terminal_changed(bench.now)
    screen = bench.change(running=3)
    assert screen[: len(before) - 1] == before[:-1]
    assert screen[len(before) - 1 : len(before) + 1] == ["[1]+  Stopped", "gator run top"]
    assert any("3 running" in line for line in screen[len(before) + 1 :])
    again = bench.change(running=4)
    assert len(again) == len(screen)


def test_a_terminal_that_is_resized_again_and_again_is_drawn_on_once_it_rests(terminal: FakeTerminal) -> None:
    bench = Bench(terminal)
    before = bench.start()
    for columns in (90, 100, 110):
        terminal.resize(columns, 24)
        bench.now += 0.1
        bench.display.on_terminal_changed(bench.now)
        wait = bench.display.on_change(bench.now)
        assert wait is not None
        assert 0 < wait <= 0.3
        assert bench.screen() == before
    screen = bench.change(1.0, running=3)
    assert screen[: len(before) - 1] == before[:-1]
    assert any("3 running" in line for line in screen[len(before) - 1 :])


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_a_terminal_without_abilities_gets_plain_lines(terminal: FakeTerminal, term: str | None) -> None:
    environment = {} if term is None else {"TERM": term}
    display = make_display(
        terminal.out,
        single=False,
        quiet=False,
        verbose=False,
        all_messages=False,
        progress=True,
        environment=environment,
        find_earlier_runs=no_earlier_runs,
    )
    display.on_start(info(), FakeRun(waiting=100))
    display.on_events([failed("top/a")])
    display.on_change(1.0)
    display.on_end(event_pb2.Result(outcome=common_pb2.OUTCOME_FAILED))
    terminal.read()
    assert "\x1b" not in terminal.written
    assert "top/a" in terminal.written
