"""Contracts that are relative to an earlier run."""

import json
from typing import Any

import pytest

from tests.acceptance.real_hub import RealHub
from tests.acceptance.support import Gator

SPEC = r"""
!JobGroup
ident: top
metrics: {speed: {match: 'speed (\S+)', unit: MHz, kind: max}}
expect: {metrics: {speed: {mean: '>= 0.95 * baseline', p50: '> 0.5 * baseline'}}}
jobs:
- !JobArray
  ident: sims
  repeats: 2
  jobs:
  - !Job {ident: sim, shell: 'echo speed $SPEED', expect: {metrics: {speed: '>= baseline - 5'}}}
"""


def speed(megahertz: int) -> dict[str, str]:
    return {"SPEED": str(megahertz)}


def nodes(gator: Gator) -> dict[str, Any]:
    rows = [json.loads(line) for line in gator("tree", "--json").expect(0).out.splitlines()]
    return {row["path"].removeprefix("top/"): row for row in rows}


def test_a_run_is_compared_with_the_last_one_that_passed(gator: Gator) -> None:
    spec = gator.spec(SPEC)
    first = gator("run", spec, env=speed(100)).expect(0)
    text = "3 contracts relative to a baseline are not compared: no earlier run of top has passed"
    assert text in first.out + first.err
    (contract,) = nodes(gator)["sims/sim[0]"]["contracts"]["list"]
    assert (contract["state"], contract["limit"]) == ("not_compared", None)
    good = gator("run", spec, env=speed(200)).expect(0)
    assert "not compared" not in good.out + good.err
    run = json.loads(gator("status", "--json").expect(0).out.splitlines()[0])["run"]["id"]
    gator("run", spec, env=speed(100)).expect(1)
    # The run that failed is not a baseline.
    bad = gator("run", spec, env=speed(190)).expect(1)
    sentence = (
        "the metric speed is 190 MHz where >= baseline - 5 is expected, which is 195 MHz: "
        f"the baseline is 200 MHz in run {run[:12]}"
    )
    assert f"FAILED top/sims/sim[0]: {sentence}" in bad.out
    found = nodes(gator)
    assert [each["state"] for each in found["top"]["contracts"]["list"]] == ["held", "held"]
    (contract,) = found["sims/sim[1]"]["contracts"]["list"]
    assert (contract["baseline"], contract["limit"], contract["baseline_run"]) == (200, 195, run)
    # What was compared is in the record, also when there are other runs since.
    again = gator("run", spec, "--only", "@failed", env=speed(190)).expect(1)
    assert sentence in again.out


ONE_CONTRACT = """
!JobGroup
ident: one
jobs: [!Job {ident: a, shell: gator metric f 3, expect: {metrics: {f: ">= baseline"}}}]
"""


def test_a_run_can_be_named_and_required(gator: Gator) -> None:
    spec = gator.spec(SPEC)
    gator("run", spec, env=speed(100)).expect(0)
    gator("run", spec, "--tracking", str(gator.root / "old"), env=speed(200)).expect(0)
    gator("run", spec, "--baseline", str(gator.root / "old"), env=speed(100)).expect(1)
    missing = gator("run", spec, "--baseline", "nosuch", env=speed(100)).expect(0)
    assert "there is no run nosuch" in missing.out + missing.err
    required = gator("run", spec, "--baseline", "nosuch", "--require-baseline", env=speed(100)).expect(1)
    assert "is not compared with >= baseline - 5: there is no run nosuch" in required.out
    one = gator("run", gator.spec(ONE_CONTRACT), "--baseline", "nosuch").expect(0)
    assert "1 contract relative to a baseline is not compared: there is no run nosuch" in one.out + one.err


def test_a_hub_that_is_not_there_neither_fails_nor_delays_a_run(gator: Gator) -> None:
    ran = gator("run", gator.spec(SPEC), "--hub", "127.0.0.1:1", "--hub-wait", "0", env=speed(100)).expect(0)
    assert "not compared: earlier runs could not be read: no hub listens at 127.0.0.1:1" in ran.out + ran.err


@pytest.mark.parametrize("word", ["5", "-1s", "soon"])
def test_a_wrong_time_to_wait_is_an_error(gator: Gator, word: str) -> None:
    ran = gator("run", gator.spec(SPEC), "--history-wait", word, "--dry-run", env=speed(1))
    ran.expect(0 if word == "5" else 2)


def test_the_baseline_comes_from_the_hub_of_the_run(gator: Gator, hub: RealHub) -> None:
    hub.start()
    spec = gator.spec(SPEC)
    hub.command("run", spec, env=speed(200)).wait().expect(0)
    # Other folders know nothing of that run.
    bad = hub.command("run", spec, "--tracking", str(gator.root / "other"), env=speed(100)).wait().expect(1)
    assert "which is 195 MHz: the baseline is 200 MHz in run" in bad.out
