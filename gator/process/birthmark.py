"""A mark that the processes of a job inherit and do not lose by accident: a number in a limit of file locks.

Linux has not enforced RLIMIT_LOCKS since 2.4.25, but every child inherits it. setsid, a double fork, an
empty or overwritten environment and another user leave it as it is, and everybody may read it in
/proc/PID/limits. Only the soft limit is used, so that a job may still set it to what it was.
Imports little, as the sweep starts with it.
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
    """The numbers of one attempt, of one daemon or of a whole run: those that agree in the bits of `mask`."""

    number: int
    mask: int

    def has(self, number: int) -> bool:
        """Returns whether a number that was read is one of these."""
        return bool(number) and number & self.mask == self.number

    @property
    def of_run(self) -> "Birthmarks":
        """All numbers of the run that these belong to."""
        mask = self.mask & ~(_DAEMON_MASK << _SERIAL_BITS | _SERIAL_MASK)
        return Birthmarks(self.number & mask, mask)


NO_BIRTHMARKS = Birthmarks(-1, 0)
"""No process has one of these."""


def birthmarks(run: str, daemon: str | None = None) -> Birthmarks:
    """Returns the numbers of a run, or only those of one of its daemons; the one without a name is inline."""
    number = BIRTHMARK_BIT | _hash(run) << (_DAEMON_BITS + _SERIAL_BITS)
    if daemon is None:
        return Birthmarks(number, -1 << (_DAEMON_BITS + _SERIAL_BITS))
    # Names end in a number that counts the daemons of a run.
    digits = "".join(character for character in daemon if character.isdecimal())
    place = int(digits) % _DAEMON_MASK + 1 if digits else _hash(daemon) % _DAEMON_MASK + 1 if daemon else 0
    return Birthmarks(number | place << _SERIAL_BITS, -1 << _SERIAL_BITS)


def each_birthmark(run: str, daemon: str) -> Iterator[Birthmarks]:
    """Yields the number of one attempt after another; after 262,143 they begin again."""
    first = birthmarks(run, daemon).number
    for serial in itertools.count(1):
        yield Birthmarks(first | serial % _SERIAL_MASK + 1, -1)


class Bearer:
    """Makes this process bear children with a birthmark, where its hard limit allows that."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before = resource.getrlimit(_RLIMIT_LOCKS)

    def put_on(self, number: int) -> bool:
        """Gives the children that are started from now on a number; returns whether that was possible."""
        if self._before[1] != _UNLIMITED:
            return False
        try:
            resource.setrlimit(_RLIMIT_LOCKS, (number, _UNLIMITED))
        except (OSError, ValueError):
            # A kernel that has no such limit; other signs have to do.
            return False
        return True

    def take_off(self) -> None:
        """Starts children as this process itself was started."""
        resource.setrlimit(_RLIMIT_LOCKS, self._before)

    def clear(self) -> bool:
        """Starts children without a number, though this process may have one; returns whether it has."""
        return self._before[0] >= BIRTHMARK_BIT and self.put_on(_UNLIMITED)


def _hash(text: str) -> int:
    """Returns 32 bits of a text by FNV-1a; hash() differs between processes, hashlib takes long to import."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogateescape"):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return (value ^ value >> 32) & ((1 << _RUN_BITS) - 1)
