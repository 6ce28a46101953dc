"""Runs a hub as a process: lock, log, signals, and the text that it prints."""

import asyncio
import gc
import getpass
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from gator import __version__
from gator.errors import StoreError, UnavailableError, UsageError, UserError
from gator.hub_access import address as hub_address
from gator.rpc.server import Tls
from gator.runtime import signals
from gator_hub import log
from gator_hub.database import files
from gator_hub.database import lock as locks
from gator_hub.database.database import Database
from gator_hub.database.texts import file_of
from gator_hub.server import malloc
from gator_hub.server.access import Access, own_file
from gator_hub.server.options import (
    CannotListenError,
    ServeOptions,
    cannot_listen,
    check,
    default_database,
    tls_of,
)
from gator_hub.server.server import HubServer
from gator_hub.server.web import Web

_SWITCH_SECONDS = 0.0005
"""Switch interval of threads in seconds: with the default of 5 ms the event loop waits too long."""
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LOST = "the database was removed, replaced or taken over"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


class LostError(UnavailableError):
    """The database was removed, replaced or taken over by another hub."""


def serve(options: ServeOptions, environ: Mapping[str, str]) -> None:
    """Serves until TERM, INT or HUP.

    Raises UsageError for an option or file that cannot be used, and GatorError if the hub cannot begin.
    """
    check(options)
    tls = tls_of(options)
    malloc.return_freed_memory()
    # Checked first: a wrong port creates no database, and a second hub names the first.
    file = file_of(options.database)
    if file is not None:
        files.check_record(file, make_folder=file == default_database(environ))
    if file is not None and not file.exists():
        check_port(options)
    # The database holds the output of jobs, which only the user of the hub may read.
    os.umask(0o077)
    access = _access(options, environ)
    password = find_password(options.database)
    log.configure_logging()
    lock = locks.take(options.database, password)
    is_refused = False
    try:
        check_port(options)
        _serve_record(options, lock, access, tls, password)
    except UserError:
        is_refused = True
        raise
    finally:
        lock.release(discard=is_refused)


def _serve_record(
    options: ServeOptions, lock: locks.HubLock, access: Access, tls: Tls | None, password: str | None
) -> None:
    """Serves the locked database. Removes the files it has created if it cannot start."""
    file = file_of(options.database)
    is_missing = file is not None and not file.exists()
    try:
        database = Database.open(options.database, password)
        try:
            asyncio.run(_serve(options, database, lock, access, tls))
        finally:
            database.close()
    except CannotListenError:
        if file is not None and is_missing:
            files.remove(file)
        raise


def _access(options: ServeOptions, environ: Mapping[str, str]) -> Access:
    if options.token_file is None:
        access = Access(
            own_file(hub_address.own_token_file(environ)), options.admins, read_only=options.read_only
        )
    else:
        try:
            access = Access(options.token_file, options.admins, read_only=options.read_only)
        except UsageError as error:
            raise UsageError(f"--token-file: {error}") from error
    for name in sorted(options.admins):
        if not access.knows(name):
            raise UsageError(
                f"--admin {name}: {access.file} has no token of a user {name}: add a line for it"
            )
    return access


def check_port(options: ServeOptions) -> None:
    """Raises UsageError if a port is not available; it may still be taken later."""
    _check_port(options, options.port, is_web=False)
    if options.with_web:
        _check_port(options, options.http_port, is_web=True)


def _check_port(options: ServeOptions, port: int, *, is_web: bool) -> None:
    try:
        addresses = socket.getaddrinfo(
            options.bare_host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise cannot_listen(options, error, is_web=is_web) from error
    fault: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as probe:
                # As gRPC does, so that old connections of a hub that has just ended do not block the port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
                return
        except OSError as error:
            fault = error
    raise cannot_listen(options, fault, is_web=is_web) from fault


def find_password(url: str) -> str | None:
    """Prompts on the terminal for the password of a database if the driver does not find it.

    Raises PasswordNeededError without a terminal, UnavailableError if the server is unreachable.
    """
    if file_of(url) is not None:
        return None
    try:
        locks.connect(url).close()
    except locks.PasswordNeededError:
        if not sys.stdin.isatty():
            raise
        return getpass.getpass(f"password for {url}: ")
    return None


async def _serve(
    options: ServeOptions, database: Database, lock: locks.HubLock, access: Access, tls: Tls | None
) -> None:
    sys.setswitchinterval(_SWITCH_SECONDS)
    stop_signal = _signals()
    server = HubServer(options, database, lock, access, tls)
    address = await server.start()
    # These objects live as long as the hub; collecting garbage among them would block calls for about 10 ms.
    gc.freeze()
    record = f"{database.name} (new)" if database.is_new else database.name
    sys.stdout.write(greeting(options, address, record, access.file, server.web))
    sys.stdout.flush()
    log.log.info("gator hub %s listens on %s, process %d", __version__, address, os.getpid())
    ending = ""
    try:
        ending = await _wait_for_stop(server, stop_signal)
        log.log.info("stopping: %s", ending)
    finally:
        try:
            await server.stop()
        except StoreError:
            # A database that is gone cannot be closed in order, which is not the reason of this end.
            if ending != _LOST:
                raise
    log.log.info("stopped")
    if ending == _LOST:
        raise LostError(
            f"{database.name} was removed, replaced, or taken over by another hub: what was kept since then "
            "is lost; start a hub again and import the folders of the runs"
        )


def _signals() -> "asyncio.Future[str]":
    """Returns a future for the name of the first signal that ends a hub. A second signal ends it at once.

    A signal that was ignored at the start, as by nohup, stays ignored.
    """
    endings = [number for number in _ENDING if not signals.is_ignored(number)]
    loop = asyncio.get_running_loop()
    stop_signal: asyncio.Future[str] = loop.create_future()

    def on_signal(number: signal.Signals) -> None:
        # A second signal means that the user does not want to wait.
        for ending in endings:
            loop.remove_signal_handler(ending)
        if not stop_signal.done():
            stop_signal.set_result(number.name)

    for number in endings:
        loop.add_signal_handler(number, on_signal, number)
    return stop_signal


async def _wait_for_stop(server: HubServer, stop_signal: "asyncio.Future[str]") -> str:
    """Waits for a signal or the loss of the database. Returns the reason."""
    lost = asyncio.ensure_future(server.wait_until_lost())
    try:
        await asyncio.wait({stop_signal, lost}, return_when=asyncio.FIRST_COMPLETED)
        return stop_signal.result() if stop_signal.done() else _LOST
    finally:
        lost.cancel()


def greeting(options: ServeOptions, address: str, database: str, tokens: Path, web: Web | None = None) -> str:
    """Returns the text that a hub prints at its start; `tokens` is the file with the tokens."""
    host, port = hub_address.split(address)
    if host in _EVERYWHERE:
        host = socket.gethostname()
    secure = "https" if options.tls_certificate is not None else "http"
    dial = f"localhost:{port}" if hub_address.is_loopback(host) else f"{host}:{port}"
    ca = f" --hub-ca {options.tls_certificate.absolute()}" if options.tls_certificate else ""
    # Clients find a token only for a hub of the same user on this host.
    needs_no_token = options.token_file is None and hub_address.is_loopback(host)
    token = (
        ""
        if needs_no_token
        else f"  tokens        each user sets GATOR_HUB_TOKEN to a token from {tokens.absolute()}\n"
    )
    page = ""
    if web is not None:
        name = "localhost" if hub_address.is_loopback(host) else host
        missing = "" if web.has_page else " (was not built: it says how)"
        page = f"  web page      {secure}://{name}:{web.port}/{missing}\n"
    return (
        f"gator hub {__version__} at {secure}://{address}\n"
        f"  record        {database}\n"
        f"  send a run    gator run SPEC --hub {dial}{ca}\n"
        f"  see the runs  gator runs --hub {dial}{ca}\n"
        f"{page}"
        f"{token}"
        "  stop          Ctrl-C\n"
    )
