"""Clocks that are set during a run, and a suspended host, change no verdict and no duration."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gator.v1 import common_pb2
from tests.acceptance.support import Gator, Running, until

SOURCE = Path(__file__).parent / "shifted_clock.c"
DAY, HOUR = 86_400, 3_600
SPEC = """\
!JobGroup
ident: top
OPTIONS
jobs:
- !JobGroup
  ident: inner
  jobs:
  - !Job {ident: one, timeout: TIMEOUT, shell: "echo begun; until [ -e go ]; do sleep 0.0113; done"}
  - !Job {ident: two, on_pass: [one], shell: "echo hi"}
"""
PLACEMENTS = ["inline", "daemons", "tiers"]


class Clocks:
    """The clocks of all processes of a test's command."""

    def __init__(self, gator: Gator, library: Path) -> None:
        self._wall, self._boot = gator.root / "wall", gator.root / "boot"
        gator.env |= {"LD_PRELOAD": str(library), "WALL_FILE": str(self._wall), "BOOT_FILE": str(self._boot)}

    def set_wall(self, seconds: int) -> None:
        self._replace(self._wall, seconds)

    def suspend(self, seconds: int) -> None:
        """As after a suspended host: CLOCK_MONOTONIC stood still meanwhile."""
        self._replace(self._wall, seconds)
        self._replace(self._boot, seconds)

    def _replace(self, file: Path, seconds: int) -> None:
        fresh = file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(file)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "this test needs a C compiler: install gcc"
    library = tmp_path_factory.mktemp("clock") / "shifted_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


@pytest.fixture
def clocks(gator: Gator, library: Path) -> Clocks:
    return Clocks(gator, library)


def _start(gator: Gator, placement: str, *options: str, key: str = "", timeout: str = "1h") -> Running:
    spec = gator.spec(SPEC.replace("OPTIONS", key).replace("TIMEOUT", timeout))
    run = gator.start("run", spec, "-j", "2", "--placement", placement, *options)
    until(lambda: b"begun" in gator.output("top/inner/one"), "a job")
    return run


def _check_durations(gator: Gator) -> None:
    """Whatever is shown, no duration is negative or as long as a clock was set."""
    for command in (["runs"], ["status"], ["tree"], ["resources"]):
        out = gator(*command).expect(0).out
        assert not re.search(r"(?<![\w-])-\d[\d.]*(s|m\d\ds|h\d\dm|d\d\dh)\b", out), out
        assert not re.search(r"\b\d+(h\d\dm|d\d\dh)\b", out), out


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("seconds", [DAY, -HOUR])
def test_a_clock_that_is_set_changes_neither_verdicts_nor_durations(
    gator: Gator, clocks: Clocks, placement: str, seconds: int
) -> None:
    run = _start(gator, placement, "--deadline", "30m", key="deadline: 29m", timeout="28m")
    clocks.set_wall(seconds)
    status = gator("status").expect(0).out
    assert "running for -" not in status
    (gator.root / "go").touch()
    done = run.wait().expect(0)
    assert re.search(r"PASSED top in \d+(\.\d+)?s:", done.out), done.out
    _check_durations(gator)


SORTED = """\
!JobGroup
ident: top
jobs:
- !Job {ident: one, shell: "echo begun; until [ -e go ]; do sleep 0.0113; done"}
- !Job {ident: two, on_pass: [one], command: sleep, args: [3]}
"""


@pytest.mark.parametrize("seconds", [DAY, -HOUR])
def test_nodes_are_sorted_by_measured_durations(gator: Gator, clocks: Clocks, seconds: int) -> None:
    run = gator.start("run", gator.spec(SORTED), "--placement", "daemons")
    until(lambda: b"begun" in gator.output("top/one"), "a job")
    clocks.set_wall(seconds)
    (gator.root / "go").touch()
    run.wait().expect(0)
    nodes = gator.nodes()
    spans = {path: nodes[path].usage.wall_nanos for path in ("top", "top/one", "top/two")}
    lines = gator("tree", "--sort", "duration").expect(0).out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(spans, key=lambda path: -spans[path])


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("where", ["option", "key"])
def test_a_deadline_comes_though_the_clock_was_set_back(
    gator: Gator, clocks: Clocks, placement: str, where: str
) -> None:
    options = ["--deadline", "4s"] if where == "option" else []
    run = _start(gator, placement, *options, key="deadline: 4s" if where == "key" else "")
    clocks.set_wall(-HOUR)
    run.wait().expect(1)
    assert gator.nodes()["top/inner/one"].reason == common_pb2.REASON_DEADLINE
    _check_durations(gator)


def test_a_timeout_comes_though_the_clock_was_set_back(gator: Gator, clocks: Clocks) -> None:
    run = _start(gator, "daemons", timeout="2s")
    clocks.set_wall(-HOUR)
    run.wait().expect(1)
    assert gator.nodes()["top/inner/one"].reason == common_pb2.REASON_TIMEOUT


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_suspended_night_counts_for_deadlines(gator: Gator, clocks: Clocks, placement: str) -> None:
    run = _start(gator, placement, "--deadline", "2h")
    clocks.suspend(8 * HOUR)
    run.wait().expect(1)
    assert gator.nodes()["top/inner/one"].reason == common_pb2.REASON_DEADLINE


def test_a_suspended_night_does_not_count_for_timeouts(gator: Gator, clocks: Clocks) -> None:
    run = _start(gator, "daemons", timeout="2h")
    clocks.suspend(8 * HOUR)
    (gator.root / "go").touch()
    run.wait().expect(0)
    _check_durations(gator)
