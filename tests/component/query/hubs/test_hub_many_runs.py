"""Commands about many runs: lists, two runs side by side, the past of a job."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from gator.cli.runs.hub_choice import HubChoice
from gator.cli.runs.hub_client import connect
from gator.core.causes.signature import VERSION
from gator.core.metrics import Totals
from gator.errors import NotFoundError, UsageError
from gator.store.run.description import write_git
from gator.v1 import common_pb2, event_pb2, hub_pb2, query_pb2
from gator.v1 import hub_service_pb2 as hs
from tests.component.query import runs
from tests.component.query.conftest import values
from tests.component.query.hubs.hub_fakes import TOKEN, FakeHub, serving
from tests.component.query.hubs.test_hub_runs import NEW, OLD, ask, caller, hub

__all__ = ["ask", "hub"]
Gator = Callable[..., Result]
PASSED, FAILED = common_pb2.OUTCOME_PASSED, common_pb2.OUTCOME_FAILED
GIT = query_pb2.Git(commit="3f2a91c0" * 5, branch="main")


# -- runs


def test_the_runs_of_a_hub_are_listed(ask: Gator) -> None:
    lines = ask("runs", "-r", "hub:").stdout.splitlines()
    assert [line.split()[2:6] for line in lines] == [
        ["bbbbbbbb", "top", "someone", "failed"],
        ["aaaaaaaa", "top", "someone", "failed"],
    ]
    assert [run["id"] for run in values(ask("runs", "-r", "hub:aaaa", "--json"))] == [OLD]


@pytest.mark.parametrize(("owner", "shown"), [("", False), ("someone", False), ("ann", True)])
def test_the_owner_of_a_run_is_shown_if_somebody_else_started_it(
    ask: Gator, hub: FakeHub, owner: str, shown: bool
) -> None:
    hub.owner = owner
    assert ("owned by ann" in ask("runs", "-r", "hub:").stdout) is shown
    assert values(ask("runs", "-r", "hub:", "--json"))[0]["owner"] == owner


def test_filters_of_runs_are_carried_out_by_the_hub(ask: Gator, hub: FakeHub) -> None:
    ask(
        *("runs", "--hub", hub.address, "--user", "ann", "--ident", "nightly", "--outcome", "lost"),
        *("-o", "failed", "--label", "a=b=c", "--since", "2d", "-n", "7"),
    )
    (request,) = hub.asked
    assert (request.user, request.ident, request.page_size) == ("ann", "nightly", 8)
    assert list(request.outcomes) == [common_pb2.OUTCOME_LOST, FAILED]
    assert dict(request.labels) == {"a": "b=c"}
    assert request.from_unix_nanos > 1


def test_filters_of_runs_hold_for_folders_too(folder: Path, tracking: Path, gator: Gator) -> None:
    builder = runs.simple_run(tracking, stamp="20261123-000000", run=NEW)
    for args, ids in (
        ((), [NEW, runs.RUN_ID]),
        (("--outcome", "failed"), [runs.RUN_ID]),
        (("--outcome", "passed"), []),
        (("--user", "someone", "-n", "1"), [NEW]),
        (("--ident", "other"), []),
        (("--label", "nightly=yes"), []),
        (("--since", "1s"), []),
    ):
        assert [run["id"] for run in values(gator("runs", "--json", *args))] == ids, args
    builder.end()
    assert gator("runs", "--user", "stranger").stdout == f"no matching runs in {tracking}\n"


def test_wrong_filters_of_runs_are_refused(ask: Gator) -> None:
    for args in (("--label", "x"), ("--since", "soon"), ("-r", "latest"), ("--outcome", "bad")):
        assert isinstance(ask("runs", *args, code=1).exception, UsageError), args


def test_a_list_of_runs_takes_names_as_other_commands_do(ask: Gator) -> None:
    for name, ids in (("hub:-2", [OLD]), ("hub:latest", [NEW, OLD]), ("hub:top", [NEW, OLD])):
        assert [run["id"] for run in values(ask("runs", "-r", name, "--json"))] == ids, name
    assert values(ask("runs", "-r", "hub:-2", "--user", "stranger", "--json")) == []
    for name, words in (("nosuch", "there is no run 'nosuch' on"), ("-3", "there are only 2 runs on")):
        for output in ((), ("--json",)):
            error = ask("runs", "-r", f"hub:{name}", *output, code=1).exception
            assert isinstance(error, NotFoundError)
            assert words in str(error)


def test_what_is_wrong_with_a_filter_is_said(ask: Gator) -> None:
    for args, words in (
        (("--label", "foo"), "--label foo: must be NAME=VALUE"),
        (("--since", "yesterday"), "--since yesterday: must be a duration such as 90s"),
    ):
        assert words in str(ask("runs", *args, code=1).exception)


def test_a_list_of_runs_that_is_not_whole_says_so(ask: Gator) -> None:
    assert ask("runs", "-r", "hub:", "-n", "1").stdout.splitlines()[1:] == [
        "... and more runs: -n 0 shows all"
    ]
    assert len(values(ask("runs", "-r", "hub:", "-n", "1", "--json"))) == 1
    for enough in ("2", "0"):
        assert "more" not in ask("runs", "-r", "hub:", "-n", enough).stdout


def test_many_runs_are_fetched_in_pages(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATOR_HUB_TOKEN", TOKEN)
    with connect(HubChoice(hub.address)) as found:
        wanted = hs.ListRunsRequest()
        assert [run.id for run in found.runs(wanted, 5000)] == [NEW, OLD]


# -- failures


NEW_CAUSE = f"{VERSION}-{'a' * 16}"
KNOWN_CAUSE = f"{VERSION}-{'b' * 16}"


def several_failures(tracking: Path) -> Path:
    """A run with seven failures of two causes."""
    builder = runs.RunBuilder(tracking, stamp="20261124-000000", run=NEW)
    paths = [f"top/job{number}" for number in range(7)]
    builder.write(runs.group("top", 100, 7, 7))
    for number, path in enumerate(paths):
        first_error = event_pb2.ErrorMessage(
            severity=common_pb2.SEVERITY_ERROR, text="x" if number else "odd"
        )
        ended = runs.result(path, 102, FAILED, first_error=first_error)
        ended.result.signature = KNOWN_CAUSE if number else NEW_CAUSE
        builder.write(runs.job(path, 101), ended)
    builder.write(runs.result("top", 9, FAILED, tally=event_pb2.Tally(failed=7)))
    return builder.end()


def test_failures_on_a_hub_say_whether_they_are_new(tracking: Path, tmp_path: Path) -> None:
    old = runs.ended_run(tracking, run=OLD)
    with serving({NEW: several_failures(tracking), OLD: old}) as hub:
        first = query_pb2.Sighting(run=OLD, ident="top", started_unix_nanos=runs.START, git=GIT)
        last = query_pb2.Sighting(run="c" * 32, ident="top", started_unix_nanos=runs.START)
        elsewhere = query_pb2.Elsewhere(runs=3, first=first, idents=["other", "third"])
        hub.readers[NEW].groups = {
            NEW_CAUSE: query_pb2.FailureGroup(
                first=query_pb2.Sighting(run=NEW),
                good=query_pb2.Sighting(run=OLD),
                runs=1,
                state=query_pb2.CAUSE_STATE_NEW,
            ),
            KNOWN_CAUSE: query_pb2.FailureGroup(
                first=first,
                before=last,
                since=query_pb2.Sighting(run=OLD, started_unix_nanos=runs.START, git=GIT),
                good=query_pb2.Sighting(run="d" * 32, git=query_pb2.Git(commit="6f1f22ec" * 5)),
                runs=1200,
                elsewhere=elsewhere,
                state=query_pb2.CAUSE_STATE_KNOWN,
            ),
        }
        ask = caller(hub, tmp_path)
        lines = ask("failures", "-r", "hub:bbbb").stdout.splitlines()
        new, known = values(ask("failures", "-r", "hub:bbbb", "--json"))[:2]
    assert lines[0] == "7 failures, 2 causes, 1 new since run aaaaaaaa"
    assert "  seen:   new since run aaaaaaaa" in lines
    (seen,) = (line for line in lines if "1,200" in line)
    begin = "  seen:   first seen in run aaaaaaaa (commits 6f1f22ec..3f2a91c0)"
    assert seen.startswith(begin)
    assert "; in 1,200 runs, last in run cccccccc of 20" in seen
    assert ", first in" not in seen
    assert "; also in 3 runs of other, third since 20" in seen
    assert any(f"--cause {KNOWN_CAUSE} -r hub:bbbbbbbbbbbb" in line for line in lines)
    assert (new["new"], new["cause_state"], new["runs"], new["before"]) == (True, "new", 1, None)
    assert (known["new"], known["cause_state"], known["good"]["run"]) == (False, "known", "d" * 32)
    assert (known["before"]["run"], known["first"]["run"]) == ("c" * 32, OLD)
    assert (new["elsewhere"], known["elsewhere"]["runs"]) == (None, 3)


# -- diff


def other_run(tracking: Path) -> Path:
    """A later run: what failed passes, what passed fails, one job is gone, one is new and fails."""
    builder = runs.RunBuilder(tracking, stamp="20261124-000000", run=NEW)
    cycles = event_pb2.MetricTotal(name="cycles", value=2400.0, unit="cycles", count=1)
    builder.write(
        runs.group("top", 0, 3, 3),
        *(runs.job(f"top/{name}", 0.1) for name in ("good", "bad", "fresh")),
        runs.result("top/good", 2, FAILED, first_error=runs.OFFENCE, metrics=[cycles]),
        runs.result("top/bad", 9),
        runs.result("top/fresh", 9, FAILED),
        runs.result("top", 9, FAILED, tally=event_pb2.Tally(passed=1, failed=2)),
    )
    return builder.end()


EXPECTED = """\
1 newly failing, 1 fixed, 0 still failing, 1 new, 1 gone, 0 still passing, 0 other

newly failing:
  good  failed exit err:2 error: boom: it broke

fixed:
  bad  before: failed exit err:2 error: boom: it broke

new:
  fresh  failed exit

gone:
  last  before: pruned

metrics, changed by 20 % or more:
  good  cycles  1200.5 → 2,400  +100 %  cycles
"""


@pytest.mark.usefixtures("folder")
def test_two_runs_in_folders_are_compared_job_by_job(tracking: Path, gator: Gator) -> None:
    other_run(tracking)
    text = gator("diff", "-2", "-1", code=1).stdout
    assert text.startswith("before  ")
    assert text.partition("\n")[2].partition("\n")[2] == EXPECTED
    lines = values(gator("diff", "-2", "latest", "--json", code=1))
    assert [(one["path"], one["change"]) for one in lines] == [
        ("good", "newly_failing"),
        ("bad", "fixed"),
        ("fresh", "new"),
        ("last", "gone"),
    ]
    assert lines[0]["before"]["outcome"] == "passed"


@pytest.mark.usefixtures("folder")
def test_a_run_does_not_differ_from_itself(gator: Gator) -> None:
    assert "0 newly failing, 0 fixed, 1 still failing" in gator("diff", "-1", "-1").stdout


def test_runs_of_different_names_are_told(tracking: Path, folder: Path, gator: Gator) -> None:
    builder = runs.RunBuilder(tracking, stamp="20261124-000000", run=NEW)
    builder.write(runs.group("pipeline", 0, 0, 0), runs.result("pipeline", 1))
    builder.end()
    told = "gator: the runs have different idents: top, pipeline\n"
    for args in ((), ("--json",)):
        assert gator("diff", folder.name, "-1", *args).stderr == told
    assert gator("diff", folder.name, folder.name).stderr == ""


def test_a_run_in_a_folder_shows_its_commit_as_one_of_a_hub_does(folder: Path, gator: Gator) -> None:
    assert "commit" not in gator("status").stdout
    write_git(folder, GIT)
    before, after = gator("diff", "-1", "-1").stdout.splitlines()[:2]
    assert before.endswith("  commit 3f2a91c0 on main")
    assert after.endswith("  commit 3f2a91c0 on main")
    assert "commit 3f2a91c0 on main" in gator("status").stdout.splitlines()
    assert "3f2a91c0 on main" in gator("show").stdout
    (run,) = values(gator("runs", "--json"))
    assert run["git"]["commit"] == GIT.commit


def test_a_new_job_that_fails_is_worse_and_one_that_passes_is_not(ask: Gator, hub: FakeHub) -> None:
    for outcome, code in ((PASSED, 0), (FAILED, 1)):
        fresh = hub_pb2.Difference(change=hub_pb2.CHANGE_NEW, after=hub_pb2.Side(outcome=outcome))
        hub.compared.CopyFrom(hs.CompareRunsResponse(differences=[fresh]))
        ask("diff", "hub:-2", "hub:", code=code)


def test_a_folder_is_compared_with_a_run_of_a_hub(tracking: Path, tmp_path: Path, gator: Gator) -> None:
    folder = runs.ended_run(tracking, run=OLD)
    with serving({OLD: folder}) as hub:
        other = other_run(tmp_path / "elsewhere")
        text = caller(hub, tmp_path)("diff", "hub:top", str(other), code=1).stdout
        assert text.partition("\n")[2].partition("\n")[2] == EXPECTED
        assert not any(isinstance(asked, hs.CompareRunsRequest) for asked in hub.asked)


def test_two_runs_of_a_hub_are_compared_by_the_hub(ask: Gator, hub: FakeHub) -> None:
    slow = hub_pb2.Difference(
        path="slow",
        change=hub_pb2.CHANGE_STILL_PASSING,
        before=hub_pb2.Side(outcome=PASSED, wall_nanos=2 * runs.SECOND),
        after=hub_pb2.Side(outcome=PASSED, wall_nanos=4 * runs.SECOND),
    )
    hub.compared.differences.append(slow)
    hub.compared.counts.add(change=hub_pb2.CHANGE_STILL_PASSING, jobs=1)
    hub.compared.unselected = 2
    done = ask("diff", "hub:-2", "hub:")
    assert "gator: omitted: 2 jobs that only one run selected, so neither new nor gone" in done.stderr
    text = done.stdout
    assert "1 still passing" in text
    assert "slow  2.00s → 4.00s  +100 %" in text
    assert "slow" not in ask("diff", "hub:-2", "hub:", "--threshold", "150").stdout
    request = next(asked for asked in hub.asked if isinstance(asked, hs.CompareRunsRequest))
    assert (request.before, request.after) == (OLD, NEW)
    hub.compared.differences[0].change = hub_pb2.CHANGE_NEWLY_FAILING
    ask("diff", "hub:-2", "hub:", code=1)


# -- trend


def entry(run: str, outcome: common_pb2.Outcome.ValueType, at: int) -> hub_pb2.HistoryEntry:
    return hub_pb2.HistoryEntry(
        run=query_pb2.Sighting(run=run, ident="top", started_unix_nanos=runs.START + at, git=GIT),
        user="ann",
        outcome=outcome,
        wall_nanos=3 * runs.SECOND,
        tally=event_pb2.Tally(passed=3, failed=1),
    )


def test_the_trend_shows_the_last_outcomes_and_since_when_it_fails(ask: Gator, hub: FakeHub) -> None:
    hub.history.entries.extend(
        [entry("d" * 32, 0, 3), entry(NEW, FAILED, 2), entry(OLD, PASSED, 1)]  # pyright: ignore[reportArgumentType]
    )
    hub.history.first_bad.CopyFrom(hub.history.entries[1].run)
    hub.history.last_good.CopyFrom(hub.history.entries[2].run)
    lines = ask("trend", "top/sims/run[3]", "-n", "5").stdout.splitlines()
    assert lines[0] == "top/sims/run[3]  .F-  1 of 2 passed"
    assert lines[1].startswith("failing since run bbbbbbbb of ")
    assert lines[1].endswith(", commit 3f2a91c0 on main")
    assert lines[2].startswith("last passed in run aaaaaaaa of ")
    assert " ".join(lines[4].split()[2:]) == "dddddddd not ended 3.00s 75.0 % ann commit 3f2a91c0 on main"
    request, *_ = hub.asked
    assert (request.ident, request.path, request.page_size) == ("top", "sims/run[3]", 6)
    answer = json.loads(ask("trend", "top", "--json").stdout)
    assert [one["outcome"] for one in answer["entries"]] == [None, "failed", "passed"]
    assert answer["first_bad"]["run"] == NEW


def test_the_trend_of_one_run_says_nothing_of_earlier_runs(ask: Gator, hub: FakeHub) -> None:
    hub.history.entries.append(entry(NEW, FAILED, 2))  # pyright: ignore[reportArgumentType]
    hub.history.first_bad.CopyFrom(hub.history.entries[0].run)
    said = ask("trend", "top").stdout
    assert "failing since run bbbbbbbb" in said
    assert "did not pass" not in said


def test_the_trend_of_something_unknown_is_explained(ask: Gator) -> None:
    error = ask("trend", "nothing", code=1).exception
    assert isinstance(error, NotFoundError)
    assert (
        "has nothing: write the whole path, such as nightly/sims/run[2]; for the idents see gator runs"
        in str(error)
    )


def test_the_trend_takes_an_ident_with_hub_before_it(ask: Gator, hub: FakeHub) -> None:
    hub.history.entries.append(entry(NEW, PASSED, 1))
    assert ask("trend", "hub:top").stdout.startswith("top  .  ")
    for name in ("", "hub:", "/"):
        error = ask("trend", name, code=1).exception
        assert isinstance(error, UsageError)
        assert str(error) == "IDENT is empty: name one, such as gator trend nightly"


def test_every_key_of_these_answers_is_documented() -> None:
    page = (Path(__file__).parents[4] / "docs" / "json.md").read_text()
    messages: list[Any] = [hub_pb2.Difference, hub_pb2.Side, hub_pb2.HistoryEntry, query_pb2.Sighting]
    for message in messages:
        for field in message.DESCRIPTOR.fields:
            assert f"`{field.name}`" in page, field.full_name


@pytest.mark.parametrize("name", ["", "hub:"])
@pytest.mark.parametrize("order", ["delete", "give", "pin", "unpin"])
def test_orders_are_about_a_run_that_is_named(ask: Gator, hub: FakeHub, order: str, name: str) -> None:
    error = ask("hub", order, name, *(["bob"] if order == "give" else []), code=1).exception
    assert isinstance(error, UsageError)
    assert str(error) == f"RUN is empty: name the run to {order}, such as latest"
    assert hub.asked == []


@pytest.mark.usefixtures("folder")
def test_quantiles_of_several_values_are_compared(tracking: Path, gator: Gator) -> None:
    for number, high in enumerate((10.0, 1000.0)):
        totals = Totals()
        for value in (*[5.0] * 9, high, high, 5.0):
            totals.add(event_pb2.Metric(name="step", value=value, unit="ms"))
        builder = runs.RunBuilder(tracking, stamp=f"2026112{number + 5}-000000", run=f"{number}" * 32)
        builder.write(
            runs.group("top", 0, 1, 1),
            runs.job("top/good", 0.1),
            runs.result("top/good", 2, metrics=totals.totals()),
            runs.result("top", 9, tally=event_pb2.Tally(passed=1)),
        )
        builder.end()
    text = gator("diff", "-2", "-1").stdout
    (changed,) = text.partition("metrics, changed by 20 % or more:\n")[2].splitlines()
    assert changed.startswith("  good  step p95  ")
    assert changed.endswith(" %  ms")
