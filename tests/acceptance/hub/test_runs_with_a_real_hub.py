"""A run and a hub as their users start them, and what is done to the hub meanwhile."""

import json
import shutil
import signal
from pathlib import Path

from gator.store import StoreReader
from gator.v1 import attach_pb2
from tests.acceptance.real_hub import RealHub
from tests.acceptance.support import Done, Gator, Running, until

LINES = """
!JobGroup
ident: top
jobs:
- !JobArray
  ident: many
  repeats: 40
  jobs:
  - !Job {ident: one, shell: "for n in 1 2 3 4 5; do echo line $n; sleep 0.02; done"}
- !Job {ident: bad, shell: "until test -e go; do sleep 0.05; done; echo oops >&2; exit 3"}
"""


def in_folder(folder: Path) -> dict[str, list[int]]:
    """The numbers of all events in a run by the id of their store."""
    found: dict[str, list[int]] = {}
    for path in (folder / "stores").glob("*.db"):
        with StoreReader.open(path) as reader:
            seqs = [seq for (seq,) in reader.query("SELECT seq FROM events ORDER BY seq")]
            if seqs:
                found[reader.store_id] = seqs
    return found


def results(gator: Gator) -> int:
    if not (gator.root / "tracking" / "latest" / "stores" / "root.db").exists():
        return 0
    return len(gator.events(attach_pb2.EVENT_KIND_RESULT))


def end(gator: Gator, run: Running) -> Done:
    """Let the last job go, and wait for the end of the run."""
    (gator.root / "go").touch()
    return run.wait().expect(1)


def test_every_event_is_in_a_hub_once_that_was_killed_and_started_again(gator: Gator, hub: RealHub) -> None:
    hub.start()
    run = hub.command("run", gator.spec(LINES), "--hub-wait", "60s")
    for minimum in (3, 15, 30):
        until(lambda minimum=minimum: results(gator) >= minimum, f"{minimum} results")
        assert hub.process is not None
        hub.process.kill()
        hub.start()
    done = end(gator, run)
    assert "not everything" not in done.out
    gator.check_results()
    assert hub.places() == in_folder(gator.folder)
    assert done.out.count("is unreachable") <= 1


def test_with_warnings_alone_the_stderr_of_a_failure_can_be_read_in_the_hub(
    gator: Gator, hub: RealHub
) -> None:
    hub.start()
    said = "echo starting; echo 'first trouble' >&2; echo more; echo 'second trouble' >&2; exit 1"
    hub.command("run", gator.spec(f'!Job {{ident: one, shell: "{said}"}}'), "--hub-logs", "warnings").wait()
    logs = hub.command("logs", "one", "-r", "hub:one").wait().expect(0)
    assert logs.out.splitlines() == ["first trouble", "second trouble"]
    assert "keeps only stderr and the messages from warning on of this run" in logs.err
    assert str(gator.folder) in logs.err
    found = hub.command("grep", "trouble|more|starting", "-r", "hub:one").wait().expect(0)
    assert [line.rpartition(" ")[0].rpartition(" ")[2] for line in found.out.splitlines()] == [
        "first",
        "second",
    ]


def test_a_hub_that_is_stopped_in_the_middle_of_everything_holds_nothing_up(
    gator: Gator, hub: RealHub
) -> None:
    process = hub.start()
    run = hub.command("run", gator.spec(LINES), "--hub-wait", "1s")
    until(lambda: results(gator) >= 5, "some results")
    process.signal(signal.SIGSTOP)
    done = end(gator, run)
    assert (
        f"not everything reached the hub: bring the rest in later with: gator hub import {gator.folder}"
        in done.out
    )
    gator.check_results()
    process.signal(signal.SIGCONT)
    hub.command("hub", "import", "tracking").wait().expect(0)
    assert hub.places() == in_folder(gator.folder)


def test_runs_are_pinned_and_deleted_by_their_owner(gator: Gator, hub: RealHub) -> None:
    hub.start()
    hub.command("run", gator.spec("!Job {ident: one, command: echo, args: [hi]}")).wait().expect(0)
    assert hub.command("hub", "pin", "one").wait().expect(0).out.startswith("pinned run ")
    assert '"pinned":true' in hub.command("runs", "--json").wait().expect(0).out
    hub.command("hub", "unpin", "one").wait().expect(0)
    assert hub.command("hub", "delete", "-1").wait().expect(0).out.startswith("deleted run ")
    assert hub.command("hub", "delete", "one").wait().expect(2).err


def test_a_run_is_given_to_another_user_and_only_once(gator: Gator, hub: RealHub) -> None:
    tokens = gator.root / "tokens"
    tokens.write_text(f"ada:{'a' * 32}\nbob:{'b' * 32}\n")
    tokens.chmod(0o600)
    hub.start("--token-file", str(tokens))
    ada, bob = ({"GATOR_HUB_TOKEN": letter * 32} for letter in "ab")
    gator("run", gator.spec("!Job {ident: one, command: echo, args: [hi]}")).expect(0)
    # Without its key the folder is a copy of who brings it, who has to leave the run to who has the key.
    copy = gator.root / "copy"
    shutil.copytree(gator.folder, copy)
    (copy / "run.key").unlink()
    hub.command("hub", "import", str(copy), env=bob).wait().expect(0)
    hub.command("hub", "import", "tracking", env=ada).wait().expect(0)
    assert "run.key" in hub.command("hub", "import", str(copy), env=bob).wait().expect(1).err
    assert "bob" in hub.command("hub", "give", "one", "bob", env=ada).wait().expect(0).out
    assert "belongs to bob" in hub.command("hub", "give", "one", "bob", env=ada).wait().expect(2).err
    told = hub.command("hub", "give", "one", "ada", "--json", env=bob).wait().expect(0).out
    assert json.loads(told)["owner"] == "ada"


def test_what_is_done_with_a_run_is_told_as_json(gator: Gator, hub: RealHub) -> None:
    hub.start()
    gator("run", gator.spec("!Job {ident: one, command: echo, args: [hi]}")).expect(0)

    def answer(*args: str) -> dict[str, object]:
        return json.loads(hub.command("hub", *args, "--json").wait().expect(0).out)

    first, again = answer("import", "tracking"), answer("import", "tracking")
    assert (first["folder"], again["folder"]) == (str(gator.folder),) * 2
    assert isinstance(first["events"], int)
    assert first["events"] > 3
    assert (again["events"], first["fault"], again["fault"]) == (0, None, None)
    (run,) = [json.loads(line) for line in hub.command("runs", "--json").wait().expect(0).out.splitlines()]
    about = {"run": run["id"], "ident": "one"}
    assert answer("pin", "one") == {**about, "pinned": True}
    assert answer("unpin", "one") == {**about, "pinned": False}
    assert answer("delete", "one") == {**about, "deleted": True}


def test_a_run_inside_a_job_reaches_the_hub_by_the_file_with_the_token(gator: Gator) -> None:
    hub = RealHub(gator)
    process = hub.start()
    token = (hub.data / "gator" / "hub" / "token").read_text().strip().rpartition(":")[2]
    gator.spec("!Job {ident: inner, command: 'true'}", "inner.yaml")
    outer = gator.spec("""
!JobGroup
ident: outer
jobs:
- !Job {ident: nested, command: gator, args: [run, --tracking, inner, inner.yaml]}
- !Job {ident: environment, command: env, on_done: nested}
- !Job {ident: mode, shell: 'stat -c "%a %U" "$GATOR_HUB_TOKEN_FILE"', on_done: nested}
""")
    env = {"XDG_DATA_HOME": str(gator.root / "none"), "GATOR_HUB": hub.address, "GATOR_HUB_TOKEN": token}
    gator("run", outer, env=env).expect(0)
    found = gator("runs", "-r", "hub:", "--json", env=env).expect(0).out.splitlines()
    assert {json.loads(line)["ident"] for line in found} == {"outer", "inner"}
    assert token not in gator.output("outer/environment").decode()
    assert gator.output("outer/mode").startswith(b"600 ")
    assert not (gator.folder / "hub.token").exists()
    process.signal(signal.SIGTERM)
    process.wait().expect(0)
