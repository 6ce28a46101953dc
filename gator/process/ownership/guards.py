"""Recognises guards by their command line."""

from gator.process.procfs import read_bytes

SWEEP_MODULE = b"gator.process.sweep"
_CMDLINE_BYTES = 4096


def is_guard(pid: int) -> bool:
    """Returns whether a process is a guard of any owner; guards end by themselves."""
    return SWEEP_MODULE in (read_bytes(f"/proc/{pid}/cmdline", _CMDLINE_BYTES) or b"").split(b"\0")
