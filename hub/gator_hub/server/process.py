"""A hub from its start to its end, as a process: lock, log, signals, and what it says of itself."""

import asyncio
import gc
import getpass
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from gator import __version__, hub_address
from gator.errors import UnavailableError, UsageError, UserError
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

_SWITCH_SECONDS = 0.0005
"""How long the event loop waits for a thread that computes, such as one that makes a page; not 5 ms."""
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LOST = "the database was removed, replaced or taken over"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to be told apart, not to be bound


class LostError(UnavailableError):
    """The database is not this hub's any more."""


def serve(options: ServeOptions, environ: Mapping[str, str]) -> None:
    """Serves until TERM, INT or HUP. Raises UsageError for a mistake of the user, GatorError for a fault."""
    check(options)
    tls = tls_of(options)
    malloc.return_large()
    # Who mistypes a port leaves no record of nothing behind; who starts a hub twice is told of the first.
    file = file_of(options.database)
    if file is not None:
        files.check_record(file, make_folder=file == default_database(environ))
    if file is not None and not file.exists():
        check_port(options)
    # The record holds the output of jobs, and belongs to who keeps the hub.
    os.umask(0o077)
    access = _access(options, environ)
    password = find_password(options.database)
    log.begin()
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
    """Serve the database whose lock is held. What it made goes again when it must not start."""
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
        access = Access(own_file(hub_address.own_token_file(environ)), options.admins)
    else:
        try:
            access = Access(options.token_file, options.admins)
        except UsageError as error:
            raise UsageError(f"--token-file: {error}") from error
    for name in sorted(options.admins):
        if not access.knows(name):
            raise UsageError(
                f"--admin {name}: {access.file} has no token of a user {name}: add a line for it"
            )
    return access


def check_port(options: ServeOptions) -> None:
    """Raises UsageError when the port cannot be had; it may be taken later still."""
    try:
        found = socket.getaddrinfo(
            options.bare_host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise cannot_listen(options, error) from error
    fault: OSError | None = None
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                # As gRPC does: connections of a hub that has just ended are not in the way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
                return
        except OSError as error:
            fault = error
    raise cannot_listen(options, fault) from fault


def find_password(url: str) -> str | None:
    """The password of a database where the driver does not find it by itself: asked for on a terminal.

    Raises PasswordNeededError when there is no terminal, UnavailableError when the server is away.
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
    told = _signals()
    server = HubServer(options, database, lock, access, tls)
    address = await server.start()
    # What is there by now stays: to look through it for garbage would halt all calls for some 10 ms.
    gc.freeze()
    record = f"{database.name} (new)" if database.is_new else database.name
    sys.stdout.write(greeting(options, address, record, access.file))
    sys.stdout.flush()
    log.log.info("gator hub %s listens on %s, process %d", __version__, address, os.getpid())
    try:
        ending = await _until_told(server, told)
        log.log.info("stopping: %s", ending)
    finally:
        await server.stop()
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
    told: asyncio.Future[str] = loop.create_future()

    def tell(number: signal.Signals) -> None:
        # Whoever sends a second one does not want to wait.
        for ending in endings:
            loop.remove_signal_handler(ending)
        if not told.done():
            told.set_result(number.name)

    for number in endings:
        loop.add_signal_handler(number, tell, number)
    return told


async def _until_told(server: HubServer, told: "asyncio.Future[str]") -> str:
    """Waits for a signal, or for another hub to take the database over; says which."""
    lost = asyncio.ensure_future(server.wait_until_lost())
    try:
        await asyncio.wait({told, lost}, return_when=asyncio.FIRST_COMPLETED)
        return told.result() if told.done() else _LOST
    finally:
        lost.cancel()


def greeting(options: ServeOptions, address: str, database: str, tokens: Path) -> str:
    """What the hub is, and how to use it; `tokens` is the file with them."""
    host, port = hub_address.split(address)
    if host in _EVERYWHERE:
        host = socket.gethostname()
    secure = options.tls_certificate is not None
    dial = f"localhost:{port}" if hub_address.is_loopback(host) else f"{host}:{port}"
    ca = f" --hub-ca {options.tls_certificate.absolute()}" if options.tls_certificate else ""
    # Clients look for a token by themselves only for a hub of this host, and only where it is the user's own.
    found = options.token_file is None and hub_address.is_loopback(host)
    token = (
        ""
        if found
        else f"  tokens        each user sets GATOR_HUB_TOKEN to a token from {tokens.absolute()}\n"
    )
    return (
        f"gator hub {__version__} at {'https' if secure else 'http'}://{address}\n"
        f"  record        {database}\n"
        f"  send a run    gator run SPEC --hub {dial}{ca}\n"
        f"  see the runs  gator runs --hub {dial}{ca}\n"
        f"{token}"
        "  stop          Ctrl-C\n"
    )
