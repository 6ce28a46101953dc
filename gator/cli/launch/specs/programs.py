"""Runs the programs whose output a spec includes."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO, Final

from gator.cli.launch.spec_files import MAX_SPEC_BYTES
from gator.errors import reason_of
from gator.units import size_text

MAX_SECONDS: Final = 60
"""Maximum time of a program."""
_MAX_STDERR: Final = 64 << 10
_SHOWN_LINES: Final = 5
"""Number of lines of stderr that an error shows, from the end."""
_CHUNK: Final = 64 << 10


def run_included(argv: Sequence[str], folder: str) -> bytes:
    """Returns the output of a program that runs in a folder.

    Raises OSError if it cannot be started, and ValueError if it fails, takes too long or writes too much.
    """
    program = argv[0]
    try:
        process = subprocess.Popen(
            argv,
            cwd=folder or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ValueError(f"{program} cannot be started: {reason_of(error)}") from error
    try:
        output, errors = _read(process)
    finally:
        _end(process)
    if process.returncode:
        code = process.returncode
        how = f"exit code {code}" if code > 0 else signal.Signals(-code).name
        raise ValueError(f"it ended with {how}{_shown(errors)}")
    return output


def _read(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Returns what a program writes until it ends. Raises ValueError beyond the limits."""
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = bytearray(), bytearray()
    deadline = time.monotonic() + MAX_SECONDS
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdout, process.stderr):
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise ValueError(f"it ran for more than {MAX_SECONDS} s{_shown(errors)}")
            for key, _ in selector.select(left):
                _take(selector, key, output if key.fileobj is process.stdout else errors)
            if len(output) > MAX_SPEC_BYTES:
                raise ValueError(f"its output has more than {size_text(MAX_SPEC_BYTES)}")
            del errors[:-_MAX_STDERR]
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it ran for more than {MAX_SECONDS} s{_shown(errors)}") from error
    return bytes(output), bytes(errors)


def _take(selector: selectors.BaseSelector, key: selectors.SelectorKey, into: bytearray) -> None:
    pipe = key.fileobj
    data = os.read(key.fd, _CHUNK)
    into += data
    if not data:
        selector.unregister(pipe)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program with everything in its session, and closes its pipes."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    pipes: list[IO[bytes] | None] = [process.stdout, process.stderr]
    for pipe in pipes:
        if pipe is not None:
            pipe.close()


def _shown(errors: bytes | bytearray) -> str:
    lines = bytes(errors).decode(errors="replace").strip().splitlines()[-_SHOWN_LINES:]
    return f": {'; '.join(line.strip() for line in lines)}" if lines else ""
