"""A mark that the processes of a job inherit and do not lose by accident: a number in RLIMIT_LOCKS.

Linux has not enforced RLIMIT_LOCKS since 2.4.25, but every child inherits it. setsid, a double fork, an
empty or overwritten environment and another user do not change it, and every user may read it in
/proc/PID/limits. Only the soft limit is used, so that a job may still set it to what it was.
Imports little, because the sweep of a guard must start at once.
"""

import itertools
import resource
from collections.abc import Iterator
from typing import NamedTuple

from gator.process.procfs import BIRTHMARK_BIT

_RLIMIT_LOCKS = 10  # linux/resource.h; the module resource has no name for it
_UNLIMITED = resource.RLIM_INFINITY
_SERIAL_BITS, _DAEMON_BITS, _RUN_BITS = 18, 12, 32
_DAEMON_MASK = (1 << _DAEMON_BITS) - 1
_SERIAL_MASK = (1 << _SERIAL_BITS) - 1


class Birthmarks(NamedTuple):
    """The birthmarks of one attempt, daemon or run: the numbers that agree in the bits of `mask`."""

    number: int
    mask: int

    def has(self, number: int) -> bool:
        """Returns whether a number is one of these birthmarks."""
        return bool(number) and number & self.mask == self.number

    @property
    def of_run(self) -> "Birthmarks":
        """All birthmarks of the same run."""
        mask = self.mask & ~(_DAEMON_MASK << _SERIAL_BITS | _SERIAL_MASK)
        return Birthmarks(self.number & mask, mask)


NO_BIRTHMARKS = Birthmarks(-1, 0)
"""Matches no process."""


def birthmarks(run: str, daemon: str | None = None) -> Birthmarks:
    """Returns the birthmarks of a run, or of one of its daemons; inline jobs use a daemon without a name."""
    number = BIRTHMARK_BIT | _hash(run) << (_DAEMON_BITS + _SERIAL_BITS)
    if daemon is None:
        return Birthmarks(number, -1 << (_DAEMON_BITS + _SERIAL_BITS))
    # Names end in a number that counts the daemons of a run.
    digits = "".join(character for character in daemon if character.isdecimal())
    part = int(digits) % _DAEMON_MASK + 1 if digits else _hash(daemon) % _DAEMON_MASK + 1 if daemon else 0
    return Birthmarks(number | part << _SERIAL_BITS, -1 << _SERIAL_BITS)


def each_birthmark(run: str, daemon: str) -> Iterator[Birthmarks]:
    """Yields the birthmarks of successive attempts; they repeat after 262,143."""
    first = birthmarks(run, daemon).number
    for serial in itertools.count(1):
        yield Birthmarks(first | serial % _SERIAL_MASK + 1, -1)


class BirthmarkLimit:
    """Sets a birthmark for children of this process if its hard limit allows that."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before = resource.getrlimit(_RLIMIT_LOCKS)

    def set_number(self, number: int) -> bool:
        """Sets the birthmark of children started from now on. Returns whether that was possible."""
        if self._before[1] != _UNLIMITED:
            return False
        try:
            resource.setrlimit(_RLIMIT_LOCKS, (number, _UNLIMITED))
        except (OSError, ValueError):
            # The kernel has no such limit; the other marks must suffice.
            return False
        return True

    def restore(self) -> None:
        """Restores the limit with which this process itself was started."""
        resource.setrlimit(_RLIMIT_LOCKS, self._before)

    def clear(self) -> bool:
        """Removes the birthmark from future children. Returns whether this process has one itself."""
        return self._before[0] >= BIRTHMARK_BIT and self.set_number(_UNLIMITED)


def _hash(text: str) -> int:
    """Returns 32 bits of a string by FNV-1a; hash() differs between processes, hashlib is slow to import."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogateescape"):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return (value ^ value >> 32) & ((1 << _RUN_BITS) - 1)
