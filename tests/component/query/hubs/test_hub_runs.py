"""Commands on a run of a hub."""

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gator.cli import error_report, exit_codes
from gator.cli.main import app
from gator.cli.runs.hub_choice import HubChoice, absent
from gator.cli.sources.hub import names_like
from gator.errors import NotFoundError, StoreError, UnauthenticatedError, UsageError
from gator.v1 import common_pb2, query_pb2
from tests.component.query import runs
from tests.component.query.conftest import values
from tests.component.query.hubs.hub_fakes import TOKEN, FakeHub, serving
from tests.component.upload import peers

Gator = Callable[..., Result]
OLD, NEW = "aaaa" * 8, "bbbb" * 8


@pytest.fixture
def hub(tracking: Path) -> Iterator[FakeHub]:
    """A hub with two ended runs, both called top."""
    old = runs.ended_run(tracking, stamp="20261121-000000", run=OLD)
    new = runs.ended_run(tracking, stamp="20261122-000000", run=NEW)
    with serving({NEW: new, OLD: old}) as hub:
        yield hub


@pytest.fixture
def ask(hub: FakeHub, tmp_path: Path) -> Gator:
    """Calls a command where only the hub can answer."""
    return caller(hub, tmp_path)


def caller(hub: FakeHub, tmp_path: Path) -> Gator:
    environment = {
        "GATOR_HUB": hub.address,
        "GATOR_HUB_TOKEN": TOKEN,
        "GATOR_TRACKING": str(tmp_path / "nothing-here"),
        "NO_COLOR": "1",
    }

    def call(*args: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, args, env=environment)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return call


@pytest.mark.parametrize(
    ("wanted", "run"),
    [
        ("hub:", NEW),
        ("hub:latest", NEW),
        ("hub:-2", OLD),
        ("hub:top", NEW),
        ("hub:aaaaa", OLD),
        ("hub:" + NEW, NEW),
    ],
)
def test_a_run_of_a_hub_is_chosen_by_id_ident_or_age(ask: Gator, wanted: str, run: str) -> None:
    (answer,) = values(ask("status", "-r", wanted, "--json"))
    assert answer["run"]["id"] == run


def test_a_run_that_the_hub_does_not_have_is_named_with_those_it_has(ask: Gator) -> None:
    error = ask("status", "-r", "hub:zzz", code=1).exception
    assert isinstance(error, NotFoundError)
    assert "there is no run 'zzz' on the hub at 127.0.0.1:" in str(error)
    # The newest of each ident.
    assert str(error).endswith(": the newest are bbbbbbbb (top)")
    few = str(ask("status", "-r", "hub:-3", code=1).exception)
    assert few.startswith("there are only 2 runs on the hub at 127.0.0.1:")
    assert "gator run" not in few


def test_of_an_empty_hub_it_is_said_how_a_run_comes_there(tmp_path: Path) -> None:
    with serving({}) as hub:
        error = str(caller(hub, tmp_path)("status", "-r", "hub:", code=1).exception)
        assert (
            error
            == f"there is no run on the hub at {hub.address}: upload one with gator run SPEC --hub ADDRESS"
        )


def test_a_node_that_is_not_there_is_told_alike_by_all_commands(tracking: Path, tmp_path: Path) -> None:
    builder = runs.simple_run(tracking, run=NEW)
    with serving({NEW: builder.folder.path}, live=True) as hub:
        gator = caller(hub, tmp_path)
        told = {
            str(gator(name, "nosuch", "-r", "hub:", code=1).exception) for name in ("logs", "stop", "show")
        }
    builder.end()
    (text,) = told
    assert text.startswith(
        "there is no node 'nosuch' that has started yet: for the waiting jobs see gator status -r "
    )


def test_hub_as_an_option_needs_no_prefix(ask: Gator, hub: FakeHub) -> None:
    (answer,) = values(ask("status", "--hub", hub.address, "-r", "aaaa", "--json"))
    assert answer["run"]["id"] == OLD


def test_every_reading_command_reads_from_the_hub(ask: Gator, hub: FakeHub) -> None:
    here = ("-r", "hub:")
    status = ask("status", *here).stdout
    assert status.startswith("top  failed after 2.00s: it returned 1\n1 passed, 1 failed, 1 pruned\n")
    assert f"run bbbbbbbbbbbb on the hub at {hub.address}" in status
    tree = ask("tree", *here).stdout.splitlines()
    assert tree[1:3] == ["  good  passed  2.00s", "  bad  failed  2.00s  it returned 1"]
    assert ask("logs", "good", *here).stdout_bytes == b"hello\nworld\n\xff\x00bytes\n"
    assert ask("logs", "bad", "--first-error", *here).stdout == "boom: it broke\n"
    assert "top/bad err:2: boom" in ask("grep", "boom", *here).stdout
    assert "\ntop/good  cycles  1200.5  cycles" in ask("metrics", *here).stdout
    assert len(values(ask("resources", "good", "--json", *here))[0]["samples"]) == 2
    shown = ask("show", "bad", *here).stdout
    assert f"bbbbbbbbbbbb on the hub at {hub.address}" in shown
    assert "API_TOKEN=***" in shown


@pytest.mark.parametrize(
    ("kept", "words"),
    [("none", "no output"), ("warnings", "only stderr and the messages from warning on"), ("all", "")],
)
def test_of_a_run_whose_output_a_hub_lacks_it_is_said_where_it_is(
    tracking: Path, tmp_path: Path, kept: str, words: str
) -> None:
    line = f"gator run --hub-logs none --hub-logs={kept} nightly.yaml"
    builder = runs.RunBuilder(tracking, run=NEW, command_line=line)
    failed = common_pb2.OUTCOME_FAILED
    builder.write(runs.group("top", 0, 1, 1), runs.job("top/bad", 0.1))
    builder.write(
        runs.started("top/bad", 1),
        runs.finished("top/bad", 2, failed, out=3, err=3, first_error=runs.OFFENCE),
        runs.result("top/bad", 2, failed, first_error=runs.OFFENCE),
        runs.result("top", 2, failed),
    )
    folder = builder.end()
    with serving({NEW: folder}) as hub:
        gator = caller(hub, tmp_path)
        asked = [gator("logs", "bad", "-r", "hub:"), gator("grep", "boom", "-r", "hub:", code=1)]
        assert gator("logs", "bad", "--first-error", "-r", "hub:").stdout == "boom: it broke\n"
        where = f"the hub at {hub.address} keeps {words} of this run (--hub-logs {kept})"
    for result in asked:
        assert result.stdout == ""
        assert result.stderr == (f"gator: {where}: all of it is in here:{folder}\n" if words else "")


@pytest.mark.parametrize(
    ("kept", "out", "err", "lacking"),
    [("none", 0, 0, False), ("none", 0, 1, True), ("warnings", 0, 1, False), ("warnings", 1, 0, True)],
)
def test_where_a_hub_lacks_nothing_of_a_job_nothing_is_said(
    tracking: Path, tmp_path: Path, kept: str, out: int, err: int, lacking: bool
) -> None:
    builder = runs.RunBuilder(tracking, run=NEW, command_line=f"gator run --hub-logs {kept} nightly.yaml")
    builder.write(runs.group("top", 0, 1, 1), runs.job("top/one", 0.1), runs.started("top/one", 1))
    builder.write(
        runs.finished("top/one", 2, out=out, err=err), runs.result("top/one", 2), runs.result("top", 2)
    )
    with serving({NEW: builder.end()}) as hub:
        gator = caller(hub, tmp_path)
        assert bool(gator("logs", "one", "-r", "hub:").stderr) is lacking
        assert "--hub-logs" in gator("logs", "top", "-r", "hub:").stderr


@pytest.mark.parametrize(
    ("option", "files", "mode"),
    [
        ("", ["none"], "none"),
        ("", ["Warnings", "none"], "warnings"),
        ("--hub-logs=all", ["none"], ""),
        ("--hub-logs warnings", ["none"], "warnings"),
    ],
)
def test_the_output_that_a_hub_lacks_is_known_from_a_gator_toml_too(
    tracking: Path, tmp_path: Path, option: str, files: list[str], mode: str
) -> None:
    config = [
        query_pb2.ConfigValue(file=f"/{at}/gator.toml", key="run.hub-logs", value=json.dumps(value))
        for at, value in enumerate(files)
    ]
    line = f"gator run {option} nightly.yaml"
    builder = runs.RunBuilder(tracking, run=NEW, command_line=line, config=config)
    builder.write(runs.group("top", 0, 1, 1), runs.job("top/one", 0.1), runs.started("top/one", 1))
    builder.write(runs.finished("top/one", 2, out=1, err=1), runs.result("top/one", 2), runs.result("top", 2))
    with serving({NEW: builder.end()}) as hub:
        note = caller(hub, tmp_path)("logs", "top", "-r", "hub:").stderr
    assert (f"(--hub-logs {mode})" in note) if mode else not note


def test_following_an_ended_job_on_a_hub_ends_with_its_last_line(ask: Gator) -> None:
    begun = time.monotonic()
    assert ask("logs", "-f", "good", "-r", "hub:").stdout_bytes == b"hello\nworld\n\xff\x00bytes\n"
    assert ask("logs", "-f", "--grep", "o", "good", "-r", "hub:").stdout == "hello\nworld\n"
    assert time.monotonic() - begun < 30


def test_a_live_job_is_followed_to_its_end(tracking: Path, tmp_path: Path) -> None:
    builder = runs.RunBuilder(tracking, run=NEW)
    builder.write(runs.group("top", 0, 3, 3), runs.job("top/good", 0.1))
    builder.write(runs.started("top/good", 1), runs.block("top/good", 1.1, b"one\n"))
    with serving({NEW: builder.folder.path}, live=True) as hub:
        ask = caller(hub, tmp_path)
        results = list[Result]()
        reading = threading.Thread(target=lambda: results.append(ask("logs", "-f", "good", "-r", "hub:")))
        reading.start()
        builder.write(runs.finished("top/good", 2, out=2), runs.result("top/good", 2))
        # The last line comes after the end, as it does where states go ahead of output.
        builder.write(runs.block("top/good", 1.2, b"two\n", first=2))
        reading.join(30)
    builder.end()
    assert [result.stdout for result in results] == ["one\ntwo\n"]


def test_a_stop_goes_through_the_hub(tracking: Path, tmp_path: Path) -> None:
    builder = runs.simple_run(tracking, run=NEW)
    with serving({NEW: builder.folder.path}, live=True) as hub:
        text = caller(hub, tmp_path)("stop", "-r", "hub:top").stdout
        (order,) = hub.stops
    builder.end()
    assert text == "stopping top: 3 jobs had not ended\n"
    assert (order.run, order.path) == (NEW, "")


def test_an_ended_run_of_a_hub_cannot_be_stopped(ask: Gator) -> None:
    assert "the run on the hub at" in str(ask("stop", "-r", "hub:", code=1).exception)


def test_a_hub_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["status", "-r", "hub:"], env={"GATOR_HUB": "127.0.0.1:1", "GATOR_HUB_TOKEN": TOKEN}
    )
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "no hub listens at 127.0.0.1:1: start one with gator hub serve -P 1, "
        "or name another with --hub ADDRESS"
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            "hub with TLS",
            "cannot query the hub at {}: it hangs up at once: use --hub-ca FILE if it speaks TLS",
        ),
        ("no hub", "the hub at {} does not support the call (Method not found!): update it"),
        ("web server", "cannot query the hub at {}: something else listens there: check the address"),
    ],
)
async def test_a_peer_that_is_not_a_hub_or_requires_tls_gives_one_line(
    tmp_path: Path, kind: str, words: str
) -> None:
    tls = peers.certificate(tmp_path)[:2] if kind == "hub with TLS" else None
    serving_it = peers.listening(peers.http) if kind == "web server" else peers.serving_grpc(None, tls)
    async with serving_it as address:
        ask = partial(
            CliRunner().invoke,
            app,
            ["status", "-r", "hub:"],
            env={"GATOR_HUB": address, "GATOR_HUB_TOKEN": TOKEN},
        )
        result = await asyncio.to_thread(ask)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith(words.format(address))


def test_a_wrong_token_is_refused(hub: FakeHub) -> None:
    result = CliRunner().invoke(
        app, ["status", "-r", "hub:"], env={"GATOR_HUB": hub.address, "GATOR_HUB_TOKEN": "wrong"}
    )
    assert isinstance(result.exception, UnauthenticatedError)
    assert str(result.exception) == (
        f"the hub at {hub.address} rejects the token in GATOR_HUB_TOKEN: "
        "ask the hub's administrator for a token"
    )


def test_a_fault_of_a_hub_is_told_without_a_traceback(
    ask: Gator,
    hub: FakeHub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(error_report, "_fault_log", None)
    hub.fault = StoreError("cannot read the database: it is locked")
    before = set(tmp_path.iterdir())
    error = ask("status", "-r", "hub:", code=1).exception
    assert isinstance(error, StoreError)
    assert error_report.report_error(error) == exit_codes.FAULT
    assert capsys.readouterr().err == (
        f"gator: the hub at {hub.address} failed: cannot read the database: it is locked\n"
    )
    assert set(tmp_path.iterdir()) == before
    # One of this process leaves what is needed to mend it.
    error_report.report_error(StoreError("cannot read x.db"))
    assert len(set(tmp_path.iterdir()) - before) == 1


def test_a_shell_is_offered_the_runs_of_the_hub(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATOR_HUB_TOKEN", TOKEN)
    choice = HubChoice(hub.address, None, 5.0)
    assert [name for name, _ in names_like(choice, "")] == [
        "hub:latest",
        "hub:bbbbbbbbbbbb",
        "hub:top",
        "hub:aaaaaaaaaaaa",
    ]
    assert [name for name, _ in names_like(choice, "to")] == ["hub:top"]
    assert [name for name, _ in names_like(HubChoice("127.0.0.1:1", None, 5.0), "")] == ["hub:latest"]


@pytest.mark.parametrize(("typed", "offered"), [("b", "bbbbbbbbbbbb\n"), ("hub:t", "hub:top\n")])
def test_who_orders_something_about_a_run_is_offered_its_names(
    hub: FakeHub, typed: str, offered: str
) -> None:
    environment = {
        "GATOR_HUB": hub.address,
        "GATOR_HUB_TOKEN": TOKEN,
        "_GATOR_COMPLETE": "complete_bash",
        "COMP_WORDS": f"gator hub pin {typed}",
        "COMP_CWORD": "3",
    }
    assert CliRunner().invoke(app, env=environment, prog_name="gator").stdout == offered


def test_a_hub_that_is_away_is_started_only_where_its_user_is() -> None:
    another = "or name another with --hub ADDRESS"
    assert absent("localhost:8080") == (
        f"no hub listens at localhost:8080: start one with gator hub serve, {another}"
    )
    for address in ("far:8080", "unix:/hub"):
        assert absent(address) == f"no hub listens at {address}: start the hub there, {another}"


def test_who_asks_without_a_token_is_told_how_to_give_one(hub: FakeHub, tmp_path: Path) -> None:
    environment = {"GATOR_HUB": hub.address, "XDG_DATA_HOME": str(tmp_path)}
    result = CliRunner().invoke(app, ["status", "-r", "hub:"], env=environment)
    assert isinstance(result.exception, UnauthenticatedError)
    assert str(result.exception).startswith(
        f"the hub at {hub.address} needs a token: set GATOR_HUB_TOKEN, or GATOR_HUB_TOKEN_FILE to a file"
    )


def test_none_is_not_a_hub_to_read_from(ask: Gator) -> None:
    error = ask("status", "--hub", "None", code=1).exception
    assert isinstance(error, UsageError)
    assert str(error) == "--hub none is for gator run only: use the address of a hub"


def test_a_beginning_of_an_id_that_is_too_short_is_told(ask: Gator, tracking: Path) -> None:
    words = ": the beginning of an id needs 4 hexadecimal digits"
    assert str(ask("status", "-r", "hub:cde", code=1).exception).endswith(words)
    assert str(ask("status", "-r", "cde", "--tracking", str(tracking), code=1).exception).endswith(words)


def test_the_folder_of_a_run_is_not_a_name_on_a_hub(ask: Gator, tmp_path: Path) -> None:
    folder = runs.ended_run(tmp_path / "nothing-here")
    for name in (str(folder), folder.name):
        error = str(ask("status", "-r", f"hub:{name}", code=1).exception)
        assert error.endswith(f"; that is a folder: import it with gator hub import {folder}")


def test_a_run_of_a_hub_is_not_closed_from_afar(ask: Gator) -> None:
    error = ask("close", "-r", "hub:top", code=1).exception
    assert isinstance(error, UsageError)
    assert (
        str(error)
        == "-r hub:top: a run on a hub cannot be closed: close its folder, on the host where it ran"
    )
    assert "hub:" not in ask("close", "--help").stdout
