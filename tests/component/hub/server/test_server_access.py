"""Who may do what at a hub: tokens, owners, TLS, other hosts, passwords of databases."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gator.errors import (
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    ProtocolError,
    UnauthenticatedError,
    UserError,
)
from gator.link import message_parts
from gator.link.uplink import Uplink
from gator.rpc import status
from gator.rpc.channel import bearer, open_blocking_channel
from gator.rpc.quiet import grpc
from gator.v1 import control_service_pb2 as cs
from gator.v1 import control_service_pb2_grpc, hub_service_pb2_grpc, query_service_pb2_grpc
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs
from tests.component.hub.ingest.ingesting import (
    DAEMON_STORE,
    ROOT_STORE,
    RUN,
    declared,
    feed,
    hello,
    small_run,
)
from tests.component.hub.postgres import PostgresServer
from tests.component.hub.processes import SECONDS, Hub, Keeper, wait_for
from tests.component.link.fakes import Child, until

ADA, BOB = "ada-" + "1" * 32, "bob-" + "2" * 32


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f"ada:{ADA}\nbob:{BOB}\n")
    file.chmod(0o600)
    return file


def ask(address: str, call: Callable[[Any, Any], Any], token: str, ca: bytes | None = None) -> Any:
    """The answer of one call with a token; raises the error of ours that its status stands for."""
    with open_blocking_channel(address, ca) as channel:
        try:
            return call(channel, {"metadata": bearer(token) if token else None, "timeout": 20})
        except grpc.RpcError as error:
            raise status.error_of_call(error) from error


def list_runs(channel: Any, how: Any) -> Any:
    return hub_service_pb2_grpc.HubServiceStub(channel).ListRuns(hs.ListRunsRequest(), **how)


def get_run(channel: Any, how: Any) -> Any:
    return query_service_pb2_grpc.QueryServiceStub(channel).GetRun(qs.GetRunRequest(run=RUN), **how)


def watch_run(channel: Any, how: Any) -> Any:
    stub = query_service_pb2_grpc.QueryServiceStub(channel)
    return list(stub.WatchRun(qs.WatchRunRequest(run=RUN), **how))


def stop_run(channel: Any, how: Any, run: str = RUN, path: str = "") -> Any:
    stub = control_service_pb2_grpc.ControlServiceStub(channel)
    return stub.Stop(cs.StopRequest(run=run, path=path), **how)


def refusals(hub: Hub, count: int) -> list[str]:
    """The lines about rejected calls, if there are many."""
    wait_for(lambda: len(hub.logged("rejected")) >= count)
    return hub.logged("rejected")


@pytest.mark.parametrize("token", ["", "wrong", "3" * 64])
def test_nothing_is_told_or_done_without_a_known_token(keeper: Keeper, token: str) -> None:
    calls = (list_runs, get_run, watch_run, stop_run)
    with keeper.hub() as hub:
        for call in calls:
            with pytest.raises(UnauthenticatedError, match="token"):
                ask(hub.address, call, token)
        (lost,) = asyncio.run(feed(hub.address, small_run(), token=token))
        assert isinstance(lost, UnauthenticatedError)
        lines = refusals(hub, len(calls) + 1)
        assert len(lines) == len(calls) + 1
        assert " rejected ListRuns from ipv4:127.0.0.1:" in lines[0]
        assert not [line for line in hub.log if token and token in line]
        assert hub.end() == 0


def test_a_hub_reads_large_messages_of_nobody(keeper: Keeper) -> None:
    def ask_much(channel: Any, how: Any) -> Any:
        stub = query_service_pb2_grpc.QueryServiceStub(channel)
        return stub.GetRun(qs.GetRunRequest(run="x" * (message_parts.MAX_BYTES + 1)), **how)

    with keeper.hub() as hub:
        with pytest.raises(UnauthenticatedError):
            ask(hub.address, ask_much, "")
        with pytest.raises(ProtocolError, match="larger than max"):
            ask(hub.address, ask_much, keeper.token)
        assert ask(hub.address, list_runs, keeper.token).runs == []


def test_the_hub_of_another_user_knows_no_token_of_ones_own(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Keeper(tmp_path / "other")
    with keeper.hub() as mine, other.hub() as theirs:
        ask(mine.address, list_runs, keeper.token)
        with pytest.raises(UnauthenticatedError):
            ask(theirs.address, list_runs, keeper.token)


def test_a_flood_of_wrong_tokens_is_counted_and_harms_nobody(keeper: Keeper) -> None:
    def flood(channel: Any, how: Any) -> None:
        for _ in range(300):
            with pytest.raises(grpc.RpcError):
                list_runs(channel, how)

    with keeper.hub() as hub:
        ask(hub.address, flood, "wrong")
        ask(hub.address, list_runs, keeper.token)
        assert hub.end() == 0
        wait_for(lambda: hub.logged("stopped"))
        assert len(hub.logged("rejected")) == 21
        assert hub.logged("rejected 280 more calls")


def test_a_token_file_that_changes_is_read_again(keeper: Keeper, tokens: Path) -> None:
    with keeper.hub("--token-file", str(tokens)) as hub:
        ask(hub.address, list_runs, ADA)
        tokens.write_text(f"bob:{BOB}\n")

        def is_refused() -> bool:
            try:
                ask(hub.address, list_runs, ADA)
            except UnauthenticatedError:
                return True
            return False

        wait_for(is_refused)
        ask(hub.address, list_runs, BOB)


async def test_only_its_owner_feeds_and_stops_a_run(keeper: Keeper, tokens: Path) -> None:
    stores = small_run(jobs=2)
    stores[ROOT_STORE].events.pop()
    stores[ROOT_STORE].append(declared("top/y"))
    with keeper.hub("--token-file", str(tokens)) as hub:

        async def order(token: str, **said: str) -> Any:
            return await asyncio.to_thread(ask, hub.address, lambda c, how: stop_run(c, how, **said), token)

        child = Child()
        uplink = Uplink(hub.address, hello(), ADA, stores[ROOT_STORE], child)
        uplink.add_store(DAEMON_STORE, stores[DAEMON_STORE])
        running = asyncio.create_task(uplink.run())
        await until(lambda: child.welcome is not None and uplink.acks > 1 and not uplink.awaits_ack)
        (lost,) = await feed(hub.address, small_run(), token=BOB)
        assert isinstance(lost, PermissionDeniedError)
        with pytest.raises(PermissionDeniedError, match="belongs to ada"):
            await order(BOB)
        with pytest.raises(NotFoundError):
            await order(ADA, run="f" * 32)
        with pytest.raises(NotFoundError):
            await order(ADA, path="nowhere")
        # Each user with a token may read.
        seen = await asyncio.to_thread(ask, hub.address, get_run, BOB)
        assert seen.run.id == RUN
        await order(ADA, path="top/y")
        await until(lambda: bool(child.messages) and child.messages[-1].HasField("stop"))
        stop = child.messages[-1].stop
        assert (stop.path, stop.message) == ("top/y", "stopped by ada through the hub")
        await uplink.finish()
        await running
        await asyncio.to_thread(wait_for, lambda: not_connected(hub))
        lines = await asyncio.to_thread(refusals, hub, 2)
        assert len(lines) == 2
        assert " rejected Attach from bob at ipv4:127.0.0.1:" in lines[0]
        assert " rejected Stop from bob at ipv4:127.0.0.1:" in lines[1]
        assert not [line for line in hub.log if BOB in line]


def not_connected(hub: Hub) -> bool:
    """Whether an order of the owner is refused because the root is gone."""
    try:
        ask(hub.address, stop_run, ADA)
    except PreconditionError as error:
        return "not connected" in str(error)
    return False


async def test_a_run_that_has_ended_is_not_an_error_to_stop(keeper: Keeper, tokens: Path) -> None:
    with keeper.hub("--token-file", str(tokens)) as hub:
        assert await feed(hub.address, small_run(), token=ADA) == []
        answer = await asyncio.to_thread(ask, hub.address, stop_run, ADA)
        assert answer.jobs == 0


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate that stands for itself, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(
        [*make, "-days", "2", "-keyout", key, "-out", cert, *subject], check=True, capture_output=True
    )
    return cert, key


def test_tls_is_spoken_with_who_trusts_the_certificate(keeper: Keeper, tokens: Path, tmp_path: Path) -> None:
    (cert, key), (stranger, _) = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    options = ("--tls-cert", str(cert), "--tls-key", str(key), "--token-file", str(tokens))
    with keeper.hub(*options) as hub:
        assert hub.greeting[0].endswith(f"at https://127.0.0.1:{hub.port}\n")
        assert f"  see the runs  gator runs --hub localhost:{hub.port} --hub-ca {cert}\n" in hub.greeting
        assert f"  tokens        each user sets GATOR_HUB_TOKEN to a token from {tokens}\n" in hub.greeting
        ask(hub.address, list_runs, ADA, cert.read_bytes())
        ask(f"localhost:{hub.port}", list_runs, ADA, cert.read_bytes())
        for ca in (None, stranger.read_bytes()):
            with pytest.raises(Exception, match=r".") as caught:
                ask(hub.address, list_runs, ADA, ca)
            assert not isinstance(caught.value, UserError)
        with pytest.raises(UnauthenticatedError):
            ask(hub.address, list_runs, "wrong", cert.read_bytes())
        port = str(hub.port)
        assert keeper.call("check", "--port", port).returncode == 1
        assert keeper.call("check", "--port", port, "--hub-ca", str(cert)).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "use --token-file and --tls-cert and --tls-key as well, or --insecure"),
        (["--host", "0.0.0.0", "--token-file", "tokens"], "use --tls-cert and --tls-key as well"),
        (["--host", "::", "--tls-cert", "c", "--tls-key", "k"], "use --token-file as well"),
        (["--tls-cert", "c"], "are needed together"),
        (["--tls-cert", "c", "--tls-key", "k"], "--tls-cert: cannot read c: no such file"),
        (["--tls-cert", "tokens", "--tls-key", "tokens"], "tokens is not the key of tokens, or one of"),
        (["--token-file", "none"], "--token-file: cannot read none: no such file"),
        (["--token-file", "open"], "chmod 600"),
        (["--host", "192.0.2.1", "--insecure"], "this host has no such address"),
        (["--db", "postgresql://me:hidden@h/x"], "other users of this host can read a password"),
        (["--db", "postgresql://me@h/x?password=hidden"], "other users of this host can read a password"),
        (["--db", "postgresql://me@h:many/x"], "--db is not a valid URL"),
        (["--db", "postgresql:x"], "--db is not a valid URL: write postgresql://USER@HOST:PORT/NAME"),
        (["--db", "postgres:x"], "--db is not a valid URL: write postgresql://USER@HOST:PORT/NAME"),
        (["--db", "mysql://me@h/x"], "--db takes a file or postgresql://"),
        (["--log-cap", "much"], "--log-cap much: must be a size such as"),
    ],
)
def test_what_must_not_be_is_refused_at_the_start(
    keeper: Keeper, tokens: Path, words: list[str], said: str
) -> None:
    (tokens.parent / "open").write_bytes(tokens.read_bytes())
    done = keeper.call("--port", "0", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr
    assert ADA not in done.stderr


def test_beyond_this_host_it_serves_when_that_is_wanted_outright(keeper: Keeper) -> None:
    with keeper.hub("--host", "0.0.0.0", "--insecure") as hub:
        with pytest.raises(UnauthenticatedError):
            ask(f"127.0.0.1:{hub.port}", list_runs, "")
        ask(f"127.0.0.1:{hub.port}", list_runs, keeper.token)
        tokens = keeper.data / "token"
        assert f"  tokens        each user sets GATOR_HUB_TOKEN to a token from {tokens}\n" in hub.greeting


def test_a_password_comes_from_the_environment_or_a_file(
    keeper: Keeper, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    url = postgres_server.with_password(postgres_url, "asked", "hidden")
    done = keeper.call("--port", "0", "--db", url)
    assert done.returncode == 2
    assert "asks for a password: set PGPASSWORD, or write it into ~/.pgpass" in done.stderr
    wrong = keeper.call("--port", "0", "--db", url, PGPASSWORD="other-hidden")
    assert wrong.returncode == 3
    assert "authentication failed" in wrong.stderr
    assert "hidden" not in wrong.stderr
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:asked:hidden\n")
    file.chmod(0o600)
    for environ in ({"PGPASSWORD": "hidden"}, {"PGPASSFILE": str(file)}):
        with keeper.hub("--db", url, **environ) as hub:
            ask(hub.address, list_runs, keeper.token)
            assert "hidden" not in "".join([*hub.greeting, *hub.log])
            assert hub.end() == 0


def test_a_password_is_asked_for_on_a_terminal_and_not_shown(
    keeper: Keeper, postgres_server: PostgresServer, postgres_url: str
) -> None:
    url = postgres_server.with_password(postgres_url, "asked", "hidden")
    ours, theirs = os.openpty()
    hub = subprocess.Popen(
        ["setsid", "--ctty", "--wait", sys.executable, "-m", "gator_hub", "--port", "0", "--db", url],
        env=keeper.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while b"password for postgresql://asked@" not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"hidden\n")
        while b" listens on 127.0.0.1:" not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"\x03")
        assert hub.wait(SECONDS) == 0
    finally:
        # The hub goes with its terminal.
        os.close(ours)
        hub.wait(SECONDS)
    assert b"hidden" not in seen
