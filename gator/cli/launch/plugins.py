"""Finds plug-ins, and runs the process that calls them beside a run.

Invariant: without plug-ins this takes microseconds, and no plug-in delays the end of a run for longer than
`END_SECONDS`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from gator.process.ownership.select import register_helper

GROUP: Final = "gator.plugins"
END_SECONDS: Final = 30.0
"""Maximum time that the end of a run waits for plug-ins."""
_MAX_TOLD: Final = 20


class PluginProcess:
    """The process that calls the plug-ins of a run."""

    def __init__(self, folder: Path, modules: Sequence[str]) -> None:
        argv = [sys.executable, "-m", "gator.plugins", str(folder), *modules]
        log = (folder / "plugins.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.PIPE, start_new_session=True
            )
        register_helper(self._process.pid)

    def finish(self) -> list[str]:
        """Waits for the end of the process, kills it after a while, and returns the problems it told."""
        stderr = self._process.stderr
        assert stderr is not None
        os.set_blocking(stderr.fileno(), False)
        data = b""
        deadline = monotonic() + END_SECONDS
        while (left := deadline - monotonic()) > 0:
            piece = _read(stderr.fileno(), left)
            if piece == b"":
                break
            data += piece or b""
        problems = data.decode("utf-8", "replace").splitlines()[:_MAX_TOLD]
        if left <= 0:
            problems.append(f"the plug-ins were killed, because they had not ended after {END_SECONDS:.0f} s")
            self._process.kill()
        stderr.close()
        # The run has reaped it as one of its children.
        self._process.returncode = 0
        return problems


def start_plugins(folder: Path, modules: Sequence[str]) -> PluginProcess | None:
    """Starts the plug-ins that are installed or named; None if there are none."""
    if not modules and not has_installed():
        return None
    return PluginProcess(folder, modules)


def has_installed() -> bool:
    """Returns whether a package with plug-ins is installed.

    Reading the entry points of all packages would delay each run by milliseconds, so the answer is kept with
    the times of the folders in which packages are installed.
    """
    # The first is the folder of the script or of the launch, in which nothing is installed.
    key = [[path, _mtime(path)] for path in sys.path[1:] if path]
    file = _cache_file()
    try:
        kept = json.loads(file.read_bytes())
        if kept["key"] == key:
            return bool(kept["installed"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    from importlib.metadata import entry_points

    installed = bool(entry_points(group=GROUP))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps({"key": key, "installed": installed}))
        new.replace(file)
    except OSError:
        # It is asked again the next time.
        pass
    return installed


def _cache_file() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path costs more
    name = sys.prefix.strip("/").replace("/", "_")[-100:]
    return Path(home, "gator", f"plugins-{name}.json")


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - Path costs more
    except OSError:
        return 0


def _read(fd: int, seconds: float) -> bytes | None:
    """Returns what can be read within a time; empty at the end, None if there was nothing."""
    import select

    if not select.select([fd], [], [], min(seconds, 1.0))[0]:
        return None
    return os.read(fd, 65536)
