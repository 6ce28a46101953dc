"""Headings between the outputs of several jobs, in the form that `tail` and `head` have."""

from typing import BinaryIO

from gator.core.visible import visible_line


class Headings:
    """Writes the output of jobs, each below a heading; jobs without output have no heading."""

    def __init__(self, out: BinaryIO, *, shown: bool) -> None:
        """Writes to `out`; with `shown` false, without headings."""
        self._out, self._shown = out, shown
        self._path = ""
        self._last = b""

    def write(self, path: str, data: bytes) -> None:
        """Writes a piece of a job's output, with a heading if the job changed."""
        if not data:
            return
        if self._shown and path != self._path:
            gap = b"" if not self._path else b"\n" if self._last == b"\n" else b"\n\n"
            name = visible_line(path.encode("utf-8", "replace"), colours=False)
            self._out.write(gap + f"==> {name} <==\n".encode())
            self._path = path
        self._out.write(data)
        self._last = data[-1:]
