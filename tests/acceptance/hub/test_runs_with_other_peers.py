"""A run whose hub is of another version, or no hub at all: it is the same run, and says what is wrong."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from gator.errors import PreconditionError
from gator.v1 import common_pb2
from tests.acceptance.support import Done, Gator, Running
from tests.component.link.fakes import until
from tests.component.upload import peers
from tests.component.upload.fakes import TOKEN, FakeHub, serving

ENV = {"GATOR_HUB_TOKEN": TOKEN}
TREE = """
!JobGroup
ident: top
jobs:
- !Job {ident: good, command: echo, args: [fine]}
- !Job {ident: bad, shell: "echo oops >&2; exit 3"}
- !JobArray
  ident: many
  repeats: 5
  jobs:
  - !Job {ident: one, shell: "echo $GATOR_ARRAY_INDEX; sleep 0.1"}
"""


async def end_of(running: Running) -> Done:
    """Waits for the end of a command, while this test serves."""
    await until(lambda: running.ended, 60)
    return running.wait()


def peer(kind: str, folder: Path) -> AbstractAsyncContextManager[str]:
    match kind:
        case "a web server":
            return peers.listening(peers.http)
        case "silence":
            return peers.listening(peers.silence)
        case "a grpc server":
            return peers.serving_grpc()
        case _:
            key, cert, _ = peers.certificate(folder)
            return peers.serving_grpc(peers.NewerHub(), (key, cert))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("a web server", "(something else listens there: check the address)"),
        ("silence", "(it takes connections, but does not answer: restart it, or check the address)"),
        ("a grpc server", "(no hub listens there, or one of another version: check the address ("),
        (
            "a hub with TLS",
            "(it hangs up at once: use --hub-ca FILE if it speaks TLS, else check the address)",
        ),
    ],
)
async def test_a_run_says_once_that_its_hub_is_none(
    gator: Gator, tmp_path: Path, kind: str, why: str
) -> None:
    async with peer(kind, tmp_path) as address:
        # It lasts longer than the silence that is waited for.
        spec = gator.spec(TREE.replace("sleep 0.1", "sleep 0.5"))
        done = (await end_of(gator.start("run", spec, "-j", "2", "--hub", address, env=ENV))).expect(1)
    assert done.out.count("is unreachable (") == 1
    assert f"the hub at {address} is unreachable {why}" in done.out
    assert (
        done.out.count("not everything reached the hub: bring the rest in later with: gator hub import") == 1
    )
    check(gator)


async def test_a_run_is_in_a_newer_hub_as_far_as_both_know_each_other(gator: Gator) -> None:
    hub = peers.NewerHub()
    async with peers.serving_grpc(hub) as address:
        done = (await end_of(gator.start("run", gator.spec(TREE), "--hub", address, env=ENV))).expect(1)
    assert " hub " not in done.out + done.err
    assert len(hub.seqs[1]) + len(hub.seqs[2]) == len(gator.events())
    check(gator)


async def test_a_hub_that_does_not_take_this_version_is_told_once(gator: Gator) -> None:
    hub = FakeHub()
    hub.refusal = PreconditionError("this hub takes runs of gator 2 and newer: update it")
    async with serving(hub) as server:
        running = gator.start("run", gator.spec(TREE), "--hub", server.address, env=ENV)
        done = (await end_of(running)).expect(1)
    refused = "(it rejects the run: this hub takes runs of gator 2 and newer: update it)"
    assert done.out.count(f"the hub at {server.address} gets no more of this run {refused}") == 1
    assert done.out.count("not everything reached the hub") == 1
    check(gator)


def check(gator: Gator) -> None:
    """The run is as it would be without a hub."""
    outcomes: dict[str, Any] = {path: node.outcome for path, node in gator.nodes().items()}
    failed = {path for path, outcome in outcomes.items() if outcome != common_pb2.OUTCOME_PASSED}
    assert (len(outcomes), failed) == (9, {"top", "top/bad"})
    gator.check_results()
