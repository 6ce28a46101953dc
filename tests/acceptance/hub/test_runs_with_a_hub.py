"""A run that is seen in a hub: what arrives there, and that the run is the same whatever the hub does."""

import shlex
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gator.errors import EmptyStoreError, PermissionDeniedError
from gator.store import StoreReader
from gator.v1 import attach_pb2, common_pb2
from tests.acceptance.support import Done, Gator, Running
from tests.component.link.fakes import until
from tests.component.upload.fakes import TOKEN, FakeHub, free_port, serving

ENV = {"GATOR_HUB_TOKEN": TOKEN}
TREE = """
!JobGroup
ident: top
jobs:
- !Job {ident: good, command: echo, args: [fine]}
- !Job {ident: bad, shell: "echo oops >&2; exit 3"}
- !JobArray
  ident: many
  repeats: 20
  jobs:
  - !Job {ident: one, command: echo, args: ["$GATOR_ARRAY_INDEX"]}
"""
SLEEPER = """
!JobGroup
ident: top
jobs:
- !Job {ident: long, command: sleep, args: ["60"]}
- !Job {ident: short, command: echo, args: [hi]}
"""


async def end_of(running: Running, seconds: float = 30.0) -> Done:
    """Waits for the end of a command, while this test serves."""
    await until(lambda: running.ended, seconds)
    return running.wait()


def all_events(gator: Gator) -> dict[str, list[int]]:
    """The numbers of all events in the newest run by the id of their store; stores without any left out."""
    found: dict[str, list[int]] = {}
    for path in (gator.folder / "stores").glob("*.db"):
        # That of a daemon which was ended with the run before it had anything to write is empty.
        with suppress(EmptyStoreError), StoreReader.open(path) as reader:
            found[reader.store_id] = [seq for (seq,) in reader.query("SELECT seq FROM events ORDER BY seq")]
    return {store: seqs for store, seqs in found.items() if seqs}


def outcomes(gator: Gator) -> dict[str, common_pb2.Outcome.ValueType]:
    return {path: node.outcome for path, node in gator.nodes().items()}


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
async def test_all_of_a_run_is_in_the_hub_when_it_ends(gator: Gator, placement: str) -> None:
    hub = FakeHub()
    async with serving(hub) as server:
        spec = gator.spec(TREE)
        done = (
            await end_of(gator.start("run", spec, "--placement", placement, "--hub", server.address, env=ENV))
        ).expect(1)
    assert "hub" not in done.out + done.err
    assert {store: hub.sequences(store) for store in hub.events} == all_events(gator)
    assert hub.results() == outcomes(gator)
    assert hub.attached == 1
    # The stores are as those of any run: one file each, without a journal.
    assert {path.suffix for path in (gator.folder / "stores").iterdir()} == {".db"}


async def test_a_wrong_spec_is_told_as_without_a_hub_and_leaves_nothing_behind(gator: Gator) -> None:
    hub = FakeHub()
    async with serving(hub) as server:
        spec = gator.spec("!Job\n  ident: x\n  comand: ls\n")
        done = (await end_of(gator.start("run", spec, "--hub", server.address, env=ENV))).expect(2)
        assert done.err.strip().endswith("unknown key 'comand': did you mean 'command'?")
        assert len(done.err.splitlines()) == 1
    assert hub.attached == 0


async def test_the_hub_is_told_what_the_run_is(gator: Gator) -> None:
    for line in (
        "git init -q -b trunk .",
        "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one",
    ):
        subprocess.run(shlex.split(line), cwd=gator.root, check=True, env=gator.env)
    hub = FakeHub()
    async with serving(hub) as server:
        options = ("--label", "kind=nightly", "--label", "chip=b0", "--hub-logs", "warnings", "-j", 3)
        env = {**ENV, "GATOR_HUB": server.address}
        await end_of(gator.start("run", gator.spec(TREE), *options, env=env))
    description = hub.hellos[0].description
    run = description.run
    assert (run.ident, run.spec, dict(run.labels)) == ("top", "spec.yaml", {"kind": "nightly", "chip": "b0"})
    assert (run.git.branch, run.git.dirty, len(run.git.commit)) == ("trunk", False, 40)
    assert run.id == hub.hellos[0].run
    assert run.folder == str(gator.folder)
    assert run.user
    assert run.host
    assert run.version
    assert run.started_unix_nanos > 1_600_000_000_000_000_000
    assert list(run.argv)[-8:-6] == ["--label", "kind=nightly"] or "--label" in run.argv
    assert description.plan.spec.group.ident == "top"
    assert description.pools.cores == 3
    assert description.output == attach_pb2.OUTPUT_WARNINGS


async def test_nothing_that_looks_secret_leaves_the_run(gator: Gator) -> None:
    spec = gator.spec("""
!Job
ident: top
env: {API_KEY: in-the-spec-4711, PLAIN: harmless}
command: "true"
args: ["--key=$API_KEY", "--password=$MY_PASSWORD", "$GATOR_HUB_TOKEN"]
""")
    hub = FakeHub()
    async with serving(hub) as server:
        env = {**ENV, "MY_PASSWORD": "in-the-environment-4712", "MY_TOKEN": "given-twice-4713"}
        await end_of(
            gator.start("run", spec, "--label", "given-twice-4713=x", "--hub", server.address, env=env)
        )
    sent = b"".join(hello.SerializeToString() for hello in hub.hellos)
    sent += b"".join(event.SerializeToString() for events in hub.events.values() for event in events)
    for secret in ("in-the-spec-4711", "in-the-environment-4712", "given-twice-4713", TOKEN):
        assert secret.encode() not in sent, secret
    assert b"harmless" in sent
    assert hub.hellos[0].description.plan.environment["MY_PASSWORD"] == "***"


async def test_a_stop_from_the_hub_reaches_the_job(gator: Gator) -> None:
    hub = FakeHub()
    async with serving(hub) as server:
        running = gator.start("run", gator.spec(SLEEPER), "--hub", server.address, env=ENV)
        await until(lambda: "top/short" in hub.results(), 20)
        stop = attach_pb2.Stop(path="top/long", mode=attach_pb2.STOP_MODE_NOW, message="stopped by the hub")
        hub.links[0].send(attach_pb2.AttachResponse(stop=stop))
        (await end_of(running)).expect(1)
    assert hub.results()["top/long"] == common_pb2.OUTCOME_CANCELLED
    assert hub.results() == outcomes(gator)


# -- a hub in trouble


async def test_a_run_is_the_same_without_its_hub(gator: Gator) -> None:
    spec = gator.spec(TREE)
    gator("run", spec, "--seed", 5, env={"GATOR_HUB": ""}).expect(1)
    expected = outcomes(gator)
    began = time.monotonic()
    address = f"localhost:{free_port()}"
    done = gator("run", spec, "--seed", 5, "--hub", address, "--hub-wait", "1s", env=ENV).expect(1)
    assert time.monotonic() - began < 6
    assert outcomes(gator) == expected
    # The reason is reported once: during the run, or at its end if that is earlier.
    assert done.out.count("(Connection refused)") == 1
    assert "not everything reached the hub" in done.out
    bring = f"gator hub import {gator.folder} --hub {address}"
    assert done.out.count(f"bring the rest in later with: {bring}") == 1


async def test_a_single_job_does_not_wait_for_its_hub_longer_than_it_may(gator: Gator) -> None:
    spec = gator.spec("!Job {ident: one, command: echo, args: [hi]}")
    address = f"localhost:{free_port()}"
    began = time.monotonic()
    done = gator("run", spec, "--hub", address, "--hub-wait", "none", env=ENV).expect(0)
    assert time.monotonic() - began < 20
    assert "not everything reached the hub" in done.out


async def test_a_hub_that_was_away_is_told_twice_and_gets_everything(gator: Gator) -> None:
    hub = FakeHub()
    address = f"127.0.0.1:{free_port()}"
    running = gator.start("run", gator.spec(SLEEPER), "--hub", address, "-v", env=ENV)
    await until(lambda: "is unreachable" in running.text(), 20)
    async with serving(hub, address):
        await until(lambda: "is back" in running.text(), 20)
        running.signal(signal.SIGINT)
        done = (await end_of(running)).expect(130)
    assert done.out.count("is unreachable (Connection refused): the run continues") == 1
    assert done.out.count(f"the hub at {address} is back") == 1
    assert "not everything" not in done.out
    assert hub.results() == outcomes(gator)


async def test_a_hub_that_takes_nothing_keeps_nothing_up(gator: Gator) -> None:
    hub = FakeHub()
    hub.acking = False
    async with serving(hub) as server:
        began = time.monotonic()
        done = (
            await end_of(
                gator.start("run", gator.spec(TREE), "--hub", server.address, "--hub-wait", "1s", env=ENV)
            )
        ).expect(1)
        assert time.monotonic() - began < 8
        assert "not everything reached the hub" in done.out
        hub.acking = True
        imported = await end_of(
            gator.start("hub", "import", str(gator.folder), "--hub", server.address, env=ENV)
        )
        imported.expect(0)
    assert {store: hub.sequences(store) for store in hub.events} == all_events(gator)


async def test_a_hub_that_refuses_is_told_once(gator: Gator) -> None:
    hub = FakeHub()
    hub.refusal = PermissionDeniedError("the run belongs to another user of the hub")
    async with serving(hub) as server:
        done = await end_of(gator.start("run", gator.spec(TREE), "--hub", server.address, env=ENV))
    done.expect(1)
    assert done.out.count("it rejects the run: the run belongs to another user of the hub") == 1


async def test_a_killed_upload_is_told_once_and_harms_nothing(gator: Gator) -> None:
    hub = FakeHub()
    async with serving(hub) as server:
        running = gator.start("run", gator.spec(SLEEPER), "--hub", server.address, env=ENV)
        await until(lambda: hub.attached, 20)
        (upload,) = [one for one in gator.processes() if "gator.upload.__main__" in one.command]
        upload.kill()
        await until(lambda: "gets no more of this run" in running.text(), 10)
        running.signal(signal.SIGINT)
        done = (await end_of(running)).expect(130)
    assert done.out.count("gets no more of this run") == 1
    gator.check_results()


async def test_the_upload_goes_when_its_root_is_killed(gator: Gator) -> None:
    hub = FakeHub()
    async with serving(hub) as server:
        running = gator.start("run", gator.spec(SLEEPER), "--hub", server.address, env=ENV)
        await until(lambda: "top/short" in hub.results(), 20)
        running.signal(signal.SIGKILL)
        await until(lambda: not gator.processes(), 10)
        running.wait()
        await until(lambda: hub.detached == 1)
        # The next command that looks at the run writes what is missing, and an import brings it.
        imported = await end_of(gator.start("hub", "import", "tracking", "--hub", server.address, env=ENV))
        imported.expect(0)
        assert hub.results() == {**outcomes(gator), "top/long": common_pb2.OUTCOME_LOST}


# -- bringing folders in


async def test_import_brings_runs_in_once_and_says_so(gator: Gator) -> None:
    gator("run", gator.spec(TREE)).expect(1)
    # As a daemon leaves it that was ended with the run before it had begun.
    (gator.folder / "stores" / "w9.db").touch()
    gator("run", gator.spec("!Job {ident: other, command: echo}")).expect(0)
    hub = FakeHub()
    async with serving(hub) as server:
        first = await end_of(gator.start("hub", "import", "tracking", "--hub", server.address, env=ENV))
        again = await end_of(gator.start("hub", "import", "tracking", "--hub", server.address, env=ENV))
    assert [line.rpartition(" ")[2] for line in first.expect(0).out.splitlines()] == ["events", "events"]
    assert [line.rpartition(": ")[2] for line in again.expect(0).out.splitlines()] == ["nothing new"] * 2
    assert [hello.description.run.ident for hello in hub.hellos] == ["top", "other"] * 2
    assert not hub.hellos[0].description.run.HasField("git")


async def test_import_takes_what_there_is_of_a_live_run_or_follows_it(gator: Gator) -> None:
    running = gator.start("run", gator.spec(SLEEPER))
    await until(lambda: _has_ended(gator, "top/short"), 20)
    hub = FakeHub()
    async with serving(hub) as server:
        command = ("hub", "import", "tracking", "--hub", server.address)
        (await end_of(gator.start(*command, env=ENV))).expect(0)
        assert "top/short" in hub.results()
        following = gator.start(*command, "--follow", env=ENV)
        await until(lambda: hub.attached == 2, 10)
        running.signal(signal.SIGINT)
        (await end_of(following)).expect(0)
        await end_of(running)
    assert hub.results() == outcomes(gator)


def _has_ended(gator: Gator, path: str) -> bool:
    if not (gator.root / "tracking" / "latest" / "stores" / "root.db").exists():
        return False
    return any(event.path == path for event in gator.events(attach_pb2.EVENT_KIND_RESULT))


async def test_import_says_what_cannot_be_brought(gator: Gator, tmp_path: Path) -> None:
    gator("hub", "import", str(tmp_path / "nothing"), "--hub", "localhost:1", env=ENV).expect(2)
    gator("run", gator.spec("!Job {ident: one, command: echo}")).expect(0)
    done = gator("hub", "import", "tracking", "--hub", f"localhost:{free_port()}", env=ENV).expect(2)
    assert ": start one with gator hub serve -P " in done.err
    (gator.folder / "stores" / "root.db").write_bytes(b"rubbish" * 1000)
    hub = FakeHub()
    async with serving(hub) as server:
        done = await end_of(gator.start("hub", "import", "tracking", "--hub", server.address, env=ENV))
    assert "root.db" in done.expect(1).err


# -- usage


def test_wrong_options_start_nothing(gator: Gator) -> None:
    spec = gator.spec("!Job {ident: one, command: echo}")
    for options, word in (
        (("--hub", "no/address"), "not an address of a hub"),
        (("--hub", "far.example:80"), "the hub at far.example:80 needs a token: set GATOR_HUB_TOKEN"),
        (("--hub", "localhost", "--hub-wait", "soon"), "--hub-wait soon"),
        (("--label", "nothing"), "--label nothing"),
        (
            ("--hub", "localhost", "--hub-ca", "missing.pem"),
            "cannot read missing.pem, which --hub-ca names: no such file",
        ),
    ):
        assert word in gator("run", spec, *options).expect(2).err
    assert not (gator.root / "tracking").exists()


def test_a_wrong_hub_in_the_environment_is_told_and_the_run_goes_on(gator: Gator) -> None:
    spec = gator.spec("!Job {ident: one, command: echo}")
    done = gator("run", spec, env={"GATOR_HUB": "no/address"}).expect(0)
    assert "GATOR_HUB is ignored" in done.out
    gator("run", spec, "--hub", "none", env={"GATOR_HUB": "no/address"}).expect(0)


def test_labels_are_kept_without_a_hub(gator: Gator) -> None:
    gator("run", gator.spec("!Job {ident: one, command: echo}"), "--label", "kind=nightly").expect(0)
    with StoreReader.open(gator.folder / "stores" / "root.db") as reader:
        assert dict(reader.description.run.labels) == {"kind": "nightly"}
