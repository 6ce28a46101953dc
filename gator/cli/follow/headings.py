"""Headings between the outputs of several jobs, formatted like those of `tail`."""

from typing import BinaryIO

from gator.core.visible import visible_line


class Headings:
    """Writes the output of jobs, each below a heading; jobs without output have no heading."""

    def __init__(self, out: BinaryIO, *, enabled: bool) -> None:
        """Writes to `out`; without headings unless they are enabled."""
        self._out, self._enabled = out, enabled
        self._path = ""
        self._last = b""

    def write(self, path: str, data: bytes) -> None:
        """Writes a piece of a job's output, with a heading if the job changed."""
        if not data:
            return
        if self._enabled and path != self._path:
            gap = b""
            if self._path:
                gap = b"\n" if self._last == b"\n" else b"\n\n"
            name = visible_line(path.encode("utf-8", "replace"), colours=False)
            self._out.write(gap + f"==> {name} <==\n".encode())
            self._path = path
        self._out.write(data)
        self._last = data[-1:]
