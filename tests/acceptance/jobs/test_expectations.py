"""`expect` decides the outcome of jobs and groups."""

import json
from typing import Any

import pytest

from tests.acceptance.support import Gator

SPEC = r"""
!JobGroup
ident: top
jobs:
- !JobArray
  ident: sims
  repeats: 4
  metrics: {time: {match: 'took (\S+)', unit: ms, kind: max}}
  expect: {metrics: {time: {p95: '<= 3s', max: '<= 3500ms'}}}
  jobs:
  - !Job {ident: sim, shell: 'echo took ${GATOR_ARRAY_INDEX}100'}
- !Job {ident: after, command: "true", on_pass: sims}
- !Job {ident: cover, shell: gator metric coverage 79 --unit %, expect: {metrics: {coverage: '>= 80'}}}
- !Job {ident: silent, command: "true", expect: {metrics: {coverage: '>= 80%'}}}
- !Job {ident: exits, shell: exit 3, expect: {exit: [0, 3]}}
- !Job {ident: killed, shell: 'kill -TERM $$', expect: {exit: SIGTERM}}
- !Job {ident: lines, shell: 'echo DONE', expect: {log: DONE, not_log: error}}
- !Job {ident: forbidden, shell: 'echo an error; echo DONE', expect: {log: DONE, not_log: an error}}
- !Job {ident: passes, command: "true", expect: {exit: 3}}
"""


def nodes(gator: Gator) -> dict[str, Any]:
    rows = [json.loads(line) for line in gator("tree", "--json").expect(0).out.splitlines()]
    return {row["path"].removeprefix("top/"): row for row in rows}


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_jobs_and_groups_are_held_to_their_expectations(gator: Gator, placement: str) -> None:
    ran = gator("run", gator.spec(SPEC), "--placement", placement).expect(1)
    found = nodes(gator)
    assert found["cover"]["message"] == "the metric coverage is 79 % where >= 80 is expected"
    assert found["silent"]["message"] == "the metric coverage was never reported, where >= 80% is expected"
    assert found["forbidden"]["message"] == "wrote a line that `not_log: an error` forbids: an error"
    assert found["passes"]["message"] == "exited with code 0 where 3 is expected"
    for name in ("exits", "killed", "lines", "sims"):
        assert found[name]["outcome"] == "passed", name
    assert [(each["figure"], each["state"]) for each in found["sims"]["contracts"]["list"]] == [
        ("p95", "held"),
        ("max", "held"),
    ]
    assert "FAILED top/cover: the metric coverage is 79 % where >= 80 is expected" in ran.out
    shown = gator("show", "top/sims").expect(0).out
    assert "contract max of time" in shown
    assert "held: 3,100 ms, <= 3500ms" in shown


CAUSES = """
!JobGroup
ident: top
max_fail_per_cause: 2
jobs:
- !Job {ident: a, shell: "echo 'error: one' >&2; exit 1"}
- !Job {ident: b, shell: "echo 'a.c:3:1: error: undefined x' >&2; exit 1", on_done: a}
- !JobGroup {ident: g, on_done: b, jobs: [!Job {ident: c, shell: "echo 'error: one' >&2; exit 1"}]}
- !Job {ident: d, command: "true", on_done: g}
"""


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_only_failures_with_the_same_cause_end_a_group(gator: Gator, placement: str) -> None:
    ran = gator("run", gator.spec(CAUSES), "--placement", placement).expect(1)
    assert "1 job was not started, because 2 jobs of top failed with the cause s1-" in ran.out
    found = nodes(gator)
    assert [found[name]["outcome"] for name in ("a", "b", "g/c")] == ["failed"] * 3
    assert (found["d"]["outcome"], found["d"]["reason"]) == ("cancelled", "max_fail")
    assert "2 jobs of top failed with the cause s1-" in found["d"]["message"]


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_a_group_that_breaks_its_contract_is_a_failure_of_its_own(gator: Gator, placement: str) -> None:
    spec = SPEC.replace("max: '<= 3500ms'", "max: '< 3s'").partition("- !Job {ident: cover")[0]
    ran = gator("run", gator.spec(spec), "--placement", placement).expect(1)
    found = nodes(gator)
    sentence = "max of the metric time is 3,100 ms where < 3s is expected"
    assert (found["sims"]["outcome"], found["sims"]["reason"], found["sims"]["message"]) == (
        "failed",
        "metric",
        sentence,
    )
    assert found["sims/sim[3]"]["outcome"] == "passed"
    assert found["after"]["outcome"] == "pruned"
    assert (found["top"]["message"], found["top"]["first_failure"]) == (f"top/sims: {sentence}", "top/sims")
    assert f"FAILED top/sims: {sentence}" in ran.out
    assert f"failed top/sims: {sentence}" in gator("failures").expect(0).out
    (cause,) = [
        json.loads(line) for line in gator("failures", "--causes", "--json").expect(0).out.splitlines()
    ]
    assert cause["jobs"] == 1


def test_rounded_quantiles_stay_between_minimum_and_maximum(gator: Gator) -> None:
    spec = (
        r"!Job {ident: top, shell: 'echo v 60095; echo v 60095', metrics: {v: {match: 'v (\d+)', kind: max}}}"
    )
    gator("run", gator.spec(spec)).expect(0)
    shown = gator("metrics").expect(0).out
    assert shown.count("60,095") >= 5, shown
    assert "60,100" not in shown


def test_a_failed_attempt_of_a_flaky_job_is_shown_with_its_first_error(gator: Gator) -> None:
    shell = '[ "$GATOR_ATTEMPT" != 1 ] || { echo "Error: boom" >&2; exit 1; }'
    gator("run", gator.spec(f"!Job {{ident: top, shell: '{shell}', retries: 1}}")).expect(0)
    assert gator("show", "top").expect(0).out.count("Error: boom\n") == 1
