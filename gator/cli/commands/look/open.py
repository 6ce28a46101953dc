"""`gator open`: shows runs of a folder in the browser, by a hub of its own that ends with the command.

Invariant: the folders of runs are only read; the hub and its token are in a temporary folder.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from gator.cli import output
from gator.cli.commands.hub.page import open_link
from gator.cli.runs.find import found_runs, select
from gator.cli.sources.options import RunOption, TrackingOption
from gator.cli.tracking import tracking_root
from gator.errors import NotFoundError, UnavailableError

_START_SECONDS = 30.0
"""Timeout of the start of the hub, and of the first run on it, in seconds."""
_POLL_SECONDS = 0.2
_END_SECONDS = 10.0
_READY = "Ctrl-C"
"""A word in the last line that a hub prints at its start."""


def open_(
    run: RunOption = None,
    tracking: TrackingOption = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the link only; it signs in once, within 60 s.")
    ] = False,
) -> None:
    """Show runs in the browser, without a hub.

    Without -r all runs of the tracking folder are shown, until Ctrl-C. The page is that of a hub, and
    read-only. Live runs are followed.
    """
    root = tracking_root(tracking)
    folder, view = root, "/"
    if run is not None:
        found_run = select(run, root)
        folder, view = found_run.folder.path, f"/run/{found_run.id}"
    elif not found_runs(root):
        raise NotFoundError(f"there is no run in {root}: use --tracking to choose another folder")
    with _own_hub() as (address, environ), _import(folder, address, environ):
        link = _link(view, address, environ)
        if only_print or not open_link(link):
            output.echo(link)
            sys.stdout.flush()
        output.warn("gator: the page is served until Ctrl-C")
        _wait_for_interrupt()


@contextmanager
def _own_hub() -> Generator[tuple[str, Mapping[str, str]]]:
    """Yields the address of a new hub, and the environment of its clients. Raises UnavailableError."""
    with tempfile.TemporaryDirectory(prefix="gator-open-") as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATOR_HUB")}
        environ = {**kept, "XDG_DATA_HOME": folder}
        command = ["-m", "gator_hub", "serve", "--port", "0", "--web-port", "0", "--read-only"]
        log = Path(folder, "hub.log")
        with (
            log.open("w") as errors,
            _child(command, environ, stdout=subprocess.PIPE, stderr=errors, text=True) as hub,
        ):
            yield _address(hub, log), environ


def _address(hub: "subprocess.Popen[str]", log: Path) -> str:
    """Returns the address in what a hub prints at its start. Raises UnavailableError if it ends."""
    address = ""
    for line in hub.stdout or ():
        _, separator, after = line.partition(" at http://")
        address = after.strip() if separator else address
        if _READY in line:
            return address
    raise UnavailableError(f"the hub of gator open did not start: {log.read_text().strip()}")


@contextmanager
def _import(folder: Path, address: str, environ: Mapping[str, str]) -> Generator[None]:
    """Sends the runs of a folder to a hub meanwhile, live ones until their end."""
    command = ["-m", "gator", "hub", "import", str(folder), "--follow", "--hub", address]
    with _child(command, environ, stdout=subprocess.DEVNULL):
        yield


@contextmanager
def _child(
    arguments: list[str], environ: Mapping[str, str], **options: Any
) -> "Generator[subprocess.Popen[Any]]":
    """Yields a process of this Python, which is ended afterwards."""
    # A session of its own, so that Ctrl-C reaches only this process, which ends the others in order.
    child: subprocess.Popen[Any] = subprocess.Popen(
        [sys.executable, *arguments], env=environ, start_new_session=True, **options
    )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _link(view: str, address: str, environ: Mapping[str, str]) -> str:
    """Returns the link to a view, as soon as the hub has its run. Raises UnavailableError."""
    deadline = time.monotonic() + _START_SECONDS
    name = view.removeprefix("/run/")
    while True:
        done = subprocess.run(
            [sys.executable, "-m", "gator", "hub", "open", name, "--print", "--hub", address],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.strip()
        if time.monotonic() > deadline:
            raise UnavailableError(f"the page cannot be opened: {done.stderr.strip()}")
        time.sleep(_POLL_SECONDS)


def _wait_for_interrupt() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
