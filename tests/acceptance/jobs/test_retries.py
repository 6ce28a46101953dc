"""Jobs that are tried again after a failure, as a user sees them."""

import json

from gator.v1 import common_pb2
from tests.acceptance.support import Gator, until

SPEC = """
!JobGroup
ident: top
retries: {count: 2, delay: 50ms, reseed: true}
jobs:
- !Job {ident: flaky, shell: 'echo $GATOR_SEED ${{ seed }}; test $GATOR_ATTEMPT = 2'}
- !Job {ident: other, retries: {reasons: [signal]}, shell: 'exit 4'}
- !Job {ident: strict, flaky: fail, shell: 'test $GATOR_ATTEMPT = 2'}
- !Job {ident: after, on_pass: flaky, command: echo}
"""


def test_a_flaky_job_passes_with_a_mark_and_another_seed(gator: Gator) -> None:
    done = gator("run", gator.spec(SPEC)).expect(1)
    nodes = gator.nodes()
    words = {
        path: common_pb2.Outcome.Name(node.outcome).removeprefix("OUTCOME_") for path, node in nodes.items()
    }
    assert (words["top/flaky"], words["top/other"], words["top/strict"]) == ("PASSED", "FAILED", "FAILED")
    assert [nodes[f"top/{name}"].attempts for name in ("flaky", "other", "strict")] == [2, 1, 2]
    assert "2 passed, 2 failed, 2 flaky" in done.out
    assert "[flaky, attempt 2]" in gator("tree").expect(0).out
    assert f"2 jobs passed only after a failed attempt: gator tree --flaky -r {gator.root}" in done.out
    listed = gator("tree", "--flaky").expect(0).out.splitlines()
    assert [line.split()[0] for line in listed] == ["top/flaky", "top/strict"]
    assert gator("tree", "--flaky", "-o", "passed").expect(0).out.split()[0] == "top/flaky"
    first, second = gator.output("top/flaky", 1).split(), gator.output("top/flaky", 2).split()
    assert first[0] == first[1]
    assert second[0] == second[1]
    assert first[0] != second[0]
    said = gator("logs", "top/flaky").expect(0).err
    assert "this is attempt 2, which passed; attempt 1 did not pass: gator logs --attempt 1 top/flaky" in said
    assert not gator("logs", "top/flaky", "--attempt", 2).expect(0).err
    assert "passed in attempt 2, after a failed one" in gator("show", "flaky").expect(0).out
    shown = json.loads(gator("show", "flaky", "--json").expect(0).out)
    assert shown["node"]["tally"]["flaky"] == 1
    assert str(shown["attempts"][1]["started"]["seed"]).encode() == second[0]
    gator.check_results()


def test_a_job_that_failed_because_it_is_flaky_shows_the_failed_attempt(gator: Gator) -> None:
    shell = "echo Error $GATOR_ATTEMPT; test $GATOR_ATTEMPT = 2"
    job = f"!Job {{ident: f, retries: 1, flaky: fail, shell: '{shell}'}}"
    gator("run", gator.spec(job)).expect(1)
    shown = gator("logs").expect(0)
    assert shown.out == "Error 1\n"
    assert "this is attempt 1, which failed; attempt 2 passed: gator logs --attempt 2 f" in shown.err
    assert gator("logs", "--first-error").expect(0).out == "Error 1\n"
    assert gator("logs", "--attempt", 2).expect(0).out == "Error 2\n"
    (log,) = (gator.root / "tracking").glob("latest/logs/*.log")
    assert log.read_text() == "Error 1\n"


def test_status_explains_that_a_job_waits_to_be_tried_again(gator: Gator) -> None:
    text = "!JobGroup\nident: top\njobs:\n- !Job {ident: a, retries: {count: 1, delay: 1h}, shell: exit 3}\n"
    running = gator.start("run", gator.spec(text))

    def explained() -> str:
        done = gator("status", "--explain", "top/a")
        return done.out if "after attempt 1, which failed: exited with code 3" in done.out else ""

    assert "for 1h00m after attempt 1" in until(explained, "the job waits after its failure")
    gator("stop").expect(0)
    until(lambda: running.ended, "the run ends")
    node = gator.nodes()["top/a"]
    assert (node.outcome, node.attempts) == (common_pb2.OUTCOME_FAILED, 1)


def test_a_run_that_dies_in_a_delay_is_closed_with_the_failure(gator: Gator) -> None:
    text = "!JobGroup\nident: top\njobs:\n- !Job {ident: a, retries: {count: 1, delay: 1h}, shell: exit 3}\n"
    running = gator.start("run", gator.spec(text))
    until(lambda: "after attempt 1" in gator("status", "--explain", "top/a").out, "the job waits")
    running.kill()
    gator("status")
    until(lambda: "top/a" in gator.nodes() and gator.nodes()["top/a"].outcome, "the run is closed")
    node = gator.nodes()["top/a"]
    assert (node.outcome, node.reason) == (common_pb2.OUTCOME_FAILED, common_pb2.REASON_EXIT)
