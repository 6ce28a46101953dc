"""Commands on runs with many failures or jobs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from gator.core.causes.signature import sign, signature_from
from gator.v1 import common_pb2, event_pb2
from tests.component.query import runs
from tests.component.query.conftest import values

Gator = Callable[..., Result]


@pytest.fixture
def many_failures(tracking: Path) -> None:
    """Twelve repeats fail with one error, and one job with another."""
    builder = runs.RunBuilder(tracking)
    paths = [f"top/x[{number}]" for number in range(12)] + ["top/bad"]
    builder.write(runs.group("top", 0, 13, 13), *(runs.job(path, 0.1) for path in paths))
    for number, path in enumerate(paths):
        what = "out of licenses" if path == "top/bad" else f"mismatch at 0x{number:x}"
        error = event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_ERROR, text=what, stream=runs.ERR, line=2)
        ended = runs.result(path, 1, common_pb2.OUTCOME_FAILED, first_error=error)
        sign(ended.result)
        builder.write(ended)
    builder.end()


def signature_of(message: str) -> str:
    inputs = event_pb2.FailureInputs(reason=common_pb2.REASON_EXIT, message=message, stream=runs.ERR, line=2)
    return signature_from(inputs)


@pytest.mark.usefixtures("many_failures")
def test_many_failures_are_put_together_by_their_cause(tracking: Path, gator: Gator) -> None:
    folder = tracking / "20261122-125830-top"
    signature = signature_of("mismatch at 0x0")
    lines = gator("failures").stdout.splitlines()
    assert lines[:5] == [
        "13 failures, 2 causes (first run of this series)",
        "",
        "12 of 13 failures have this cause, reason: exit",
        "failed top/x[0]: it returned 1",
        "  err:2 error: mismatch at 0x0",
    ]
    assert lines[5:9] == [
        "  seen:   new (first run of this series)",
        f"  output: gator logs 'top/x[0]' -r {folder}",
        f"  again:  gator run --only '/top/x[0]' --repeat {runs.RUN_ID} --seed 7 nightly.yaml",
        f"  others: gator failures --cause {signature} -r {folder}",
    ]
    assert lines[9:12] == [
        "",
        "1 of 13 failures has this cause, reason: exit",
        "failed top/bad: it returned 1",
    ]
    assert "others:" not in "".join(lines[9:])
    assert "top/x --cause" in gator("failures", "top/x").stdout


@pytest.fixture
def many_jobs(tracking: Path) -> None:
    """A run of 150 jobs, each with one line of output."""
    builder = runs.RunBuilder(tracking)
    paths = [f"top/x[{number}]" for number in range(150)]
    builder.write(runs.group("top", 0, 150, 150), *(runs.job(path, 0.1) for path in paths))
    outputs = (
        (runs.started(path, 0.5), runs.block(path, 0.6, b"hit\n"), runs.finished(path, 0.7, out=1))
        for path in paths
    )
    builder.write_elsewhere(*(event for output in outputs for event in output))
    builder.write(*(runs.result(path, 1) for path in paths))
    builder.end()


MORE = "... and 50 more"


@pytest.mark.usefixtures("many_jobs")
def test_lists_are_bounded_and_name_the_option_that_shows_all(gator: Gator) -> None:
    tree = gator("tree").stdout.splitlines()
    assert tree[-1] == "... and 51 more nodes: -n 0 shows all, -d 1 one level"
    assert len(tree) == 100 + 1
    assert gator("resources").stdout.splitlines()[-1] == f"{MORE} jobs: -n 0 shows all"
    assert gator("tree", "-n", "150").stdout.splitlines()[-1].startswith("... and 1 more node: ")
    for command, rows in (("tree", 151), ("resources", 151)):
        whole = gator(command, "-n", "0").stdout.splitlines()
        assert len(whole) == rows
        assert "more" not in whole[-1]
        assert len(gator(command, "--json").stdout.splitlines()) >= 150
        assert len(values(gator(command, "--json", "-n", "3"))) == 3
    assert len(gator("tree", "-o", "passed", "-n", "3").stdout.splitlines()) == 4


@pytest.mark.usefixtures("many_jobs")
def test_a_search_tells_on_stderr_what_it_left_out(gator: Gator) -> None:
    for options, more in (
        ([], "... and more matching lines: -n 0 shows all"),
        (["-C", "1"], "... and more matching lines: -n 0 shows all"),
        (["-l"], "... and more jobs: -n 0 shows all"),
        (["-c"], f"{MORE} jobs: -n 0 shows all"),
    ):
        found = gator("grep", "hit", *options)
        assert len([line for line in found.stdout.splitlines() if line != "--"]) == 100
        assert found.stderr == f"{more}\n"
        whole = gator("grep", "hit", *options, "-n", "0")
        assert len([line for line in whole.stdout.splitlines() if line != "--"]) == 150
        assert not whole.stderr
    assert len(values(gator("grep", "hit", "--json"))) == 150
    assert not gator("grep", "hit", "-n", "150").stderr


def test_of_very_many_causes_the_first_are_shown_and_the_others_counted(tracking: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking)
    words = [f"{first}{second} broke" for first in "abcdef" for second in "uvwxyz"][:30]
    paths = [f"top/x[{number}]" for number in range(31)]
    builder.write(runs.group("top", 0, 31, 31), *(runs.job(path, 0.1) for path in paths))
    for path, what in zip(paths, [*words, words[-1]], strict=True):
        error = event_pb2.ErrorMessage(severity=common_pb2.SEVERITY_ERROR, text=what, stream=runs.ERR, line=2)
        ended = runs.result(path, 1, common_pb2.OUTCOME_FAILED, first_error=error)
        sign(ended.result)
        builder.write(ended)
    builder.end()
    lines = gator("failures").stdout.splitlines()
    assert lines[0] == "31 failures, 30 causes (first run of this series)"
    # The run has no root Result, so it is shown as dead at the end.
    assert lines[-3] == "... and 10 more causes (10 failures): -n 0 shows all"
    assert lines[-1].startswith("the run died before it ended: gator run --skip @passed --repeat ")
    assert "\n".join(lines).count("again:") == 20
    assert gator("failures", "-n", "0").stdout.count("again:") == 30
    assert gator("failures", "-n", "3").stdout.count("again:") == 3
    assert len(values(gator("failures", "--json"))) == 31


@pytest.mark.usefixtures("many_failures")
def test_of_a_repeat_that_is_not_there_those_that_are_there_are_told(gator: Gator) -> None:
    for command in ("show", "failures"):
        said = str(gator(command, "x[40]", code=1).exception)
        assert said == "there is no node 'x[40]' in top: its repeats are top/x[0] to top/x[11]"


@pytest.mark.usefixtures("many_failures")
def test_an_unknown_cause_is_refused_with_the_nearest_name(gator: Gator) -> None:
    signature = signature_of("out of licenses")
    wrong = signature[:-1] + ("1" if signature[-1] == "0" else "0")
    for args in ((), ("--json",), ("--causes",)):
        said = str(gator("failures", "--cause", wrong, *args, code=1).exception)
        assert said == f"no recent run of the series has the cause '{wrong}': did you mean '{signature}'?"
    said = str(gator("failures", "--cause", "none", code=1).exception)
    assert said.endswith("the cause 'none': see `gator failures --causes`")


@pytest.mark.usefixtures("many_failures")
def test_each_of_many_failures_is_told_when_asked_for(gator: Gator) -> None:
    signature = signature_of("out of licenses")
    assert gator("failures", "--all").stdout.count("again:") == 13
    assert gator("failures", "--cause", signature[:6]).stdout.startswith("failed top/bad: it returned 1\n")
    assert gator("failures", "x[3]", "--cause", signature).stdout == "nothing failed of that cause\n"
    found = values(gator("failures", "--json"))
    assert [failure["path"] for failure in found if failure["signature"] == signature] == ["top/bad"]
    assert len({failure["signature"] for failure in found}) == 2
    assert len(values(gator("failures", "--json", "--cause", signature.upper()))) == 1
