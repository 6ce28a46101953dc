"""A scheduler of an installed package starts the daemons of a run."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from gator.scheduler.registry import parse_arguments
from tests.acceptance.support import Gator

ROOT = Path(__file__).resolve().parents[3]
MODULE = '''\
"""Starts each daemon through a shell that notes the daemon's name."""

from collections.abc import Mapping

from gator.errors import UsageError
from gator.scheduler import DaemonHandle, DaemonRequest
from gator.scheduler.child import start_child


class NotingScheduler:
    cores = 3
    allows_inline = False

    def __init__(self, arguments: Mapping[str, str]) -> None:
        if [*arguments] != ["notes"]:
            raise UsageError("--sched-arg: noting takes notes=FILE")
        self._notes = arguments["notes"]

    def start_daemon(self, request: DaemonRequest) -> DaemonHandle:
        script = 'echo "$0" >>"$1"; shift; export THROUGH=shell; exec "$@"'
        return start_child(request, ["/bin/sh", "-c", script, request.name, self._notes, *request.argv])


class GreedyScheduler(NotingScheduler):
    def __init__(self, arguments: Mapping[str, str]) -> None:
        self._notes = arguments["queue"]


class EmptyScheduler:
    def __init__(self, arguments: Mapping[str, str]) -> None: ...


class FailingScheduler(NotingScheduler):
    def start_daemon(self, request: DaemonRequest) -> DaemonHandle:
        raise ValueError("no such queue")
'''
SPEC = """\
!JobGroup
ident: top
jobs:
- !Job {ident: a, shell: 'test "$THROUGH" = shell'}
- !Job {ident: b, shell: 'test "$THROUGH" = shell', on_pass: [a]}
"""


@pytest.fixture
def noting(gator: Gator, tmp_path: Path) -> Gator:
    """Returns a Gator in whose environment a package with schedulers is installed."""
    names = {
        "noting": "NotingScheduler",
        "broken": "Missing",
        "greedy": "GreedyScheduler",
        "empty": "EmptyScheduler",
        "failing": "FailingScheduler",
    }
    install(gator, tmp_path, "noting", MODULE, names)
    return gator


def install(gator: Gator, folder: Path, module: str, text: str, schedulers: Mapping[str, str]) -> None:
    """Installs a package that consists of a module, with schedulers by name."""
    site = folder / "site"
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{module}.py").write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    lines = [f"{name} = {module}:{scheduler}\n" for name, scheduler in schedulers.items()]
    (info / "entry_points.txt").write_text("".join(["[gator.schedulers]\n", *lines]))
    gator.env["PYTHONPATH"] = str(site)


@pytest.mark.parametrize("placement", ["auto", "daemons", "tiers"])
def test_daemons_start_through_the_scheduler_of_a_package(
    noting: Gator, tmp_path: Path, placement: str
) -> None:
    notes = tmp_path / "notes"
    arguments = ("--scheduler", "Noting", "--sched-arg", f"notes={notes}", "--placement", placement)
    noting("run", noting.spec(SPEC), *arguments).expect(0)
    assert notes.read_text().split()


def test_a_single_job_runs_in_a_daemon_of_the_scheduler(noting: Gator, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    spec = noting.spec("""!Job {ident: one, shell: 'test "$THROUGH" = shell'}""")
    noting("run", spec, "--scheduler", "noting", "--sched-arg", f"notes={notes}").expect(0)
    assert notes.read_text() == "w1\n"


def test_a_scheduler_and_its_arguments_can_be_in_gator_toml(noting: Gator, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    text = f'[run]\nscheduler = "noting"\nsched-arg = "notes={notes}"\n'
    (noting.root / "gator.toml").write_text(text)
    noting("check", noting.spec(SPEC)).expect(0)
    noting("run", noting.spec(SPEC)).expect(0)
    assert notes.read_text().split()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--scheduler", "nothing"],
            "--scheduler nothing: must be one of broken, empty, failing, greedy, local",
        ),
        (["--scheduler", "broken"], "--scheduler broken: cannot import noting:Missing: AttributeError"),
        (
            ["--scheduler", "greedy"],
            "--scheduler greedy: cannot create noting:GreedyScheduler: KeyError: 'queue' (",
        ),
        (
            ["--scheduler", "empty"],
            "noting:EmptyScheduler is not a scheduler: it lacks allows_inline, cores, start_daemon",
        ),
        (["--scheduler", "noting"], "--sched-arg: noting takes notes=FILE"),
        (["--sched-arg", "speed"], "--sched-arg speed: must be KEY=VALUE"),
        (
            ["--scheduler", "noting", "--sched-arg", "notes=x", "--placement", "inline"],
            "--placement inline: jobs would run in this process instead of with noting",
        ),
    ],
)
def test_a_wrong_scheduler_is_a_usage_error(noting: Gator, options: list[str], message: str) -> None:
    done = noting("run", noting.spec(SPEC), *options).expect(2)
    assert message in done.err


def test_a_fault_of_a_scheduler_ends_the_run_and_is_named(noting: Gator) -> None:
    options = ("--scheduler", "failing", "--sched-arg", "notes=x")
    done = noting("run", noting.spec(SPEC), *options).expect(3)
    assert "the scheduler failed to start a daemon: ValueError: no such queue (" in done.err
    assert "noting.py:" in done.err


def test_the_scheduler_of_the_recipe_starts_daemons(gator: Gator, tmp_path: Path) -> None:
    recipe = (ROOT / "CONTRIBUTING.md").read_text().partition("### Add a scheduler")[2]
    module, name, entry = re.findall(r"```python\n(.*?)```.*?^(\w+) = \"\w+:(\w+)\"", recipe, re.S | re.M)[0]
    install(gator, tmp_path, "pinned_scheduler", module, {name: entry})
    cpu = min(os.sched_getaffinity(0))
    spec = gator.spec(
        f"""!Job {{ident: one, shell: 'test "$(nproc)" = 1 && taskset -cp $$ | grep ": {cpu}$"'}}"""
    )
    gator("run", spec, "--scheduler", name, "--sched-arg", f"cpus={cpu}").expect(0)
    assert "requires cpus=" in gator("run", spec, "--scheduler", name).expect(2).err


def test_the_last_value_of_an_argument_counts() -> None:
    assert parse_arguments(["a=1", "b=2", "a=3="]) == {"a": "3=", "b": "2"}


def test_the_case_of_a_name_does_not_matter(gator: Gator) -> None:
    spec = gator.spec("!Job {ident: one, command: 'true'}")
    gator("run", spec, "--scheduler", "LOCAL", "--sched-arg", "concurrency=1").expect(0)
