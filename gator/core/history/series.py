"""Series of runs: the runs of one ident and one selection, without reruns.

Invariant: two selections are equal if their normal forms are.
"""

import shlex
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol, TypeVar

from gator.spec.idents import nfc
from gator.v1 import query_pb2

WHOLE = query_pb2.Selection()
"""The selection of a run of the whole spec."""


def selection_of(only: Iterable[str], skip: Iterable[str], tags: Iterable[str]) -> query_pb2.Selection:
    """Returns a selection in its normal form: each list sorted, in NFC as idents are, without duplicates."""
    return query_pb2.Selection(
        only=sorted({*map(nfc, only)}), skip=sorted({*map(nfc, skip)}), tags=sorted({*map(nfc, tags)})
    )


def normal(selection: query_pb2.Selection) -> query_pb2.Selection:
    """Returns the normal form of a selection."""
    return selection_of(selection.only, selection.skip, selection.tags)


def key_of(selection: query_pb2.Selection) -> str:
    """Returns a short string that is the same for equal selections; empty for the whole spec."""
    if selection == WHOLE:
        return ""
    return sha256(normal(selection).SerializeToString(deterministic=True)).hexdigest()[:16]


def options_of(selection: query_pb2.Selection) -> str:
    """Returns the options of `gator run` for a selection; empty for the whole spec."""
    words: list[str] = []
    for option, values in (
        ("--only", selection.only),
        ("--tag", selection.tags),
        ("--skip", selection.skip),
    ):
        for value in values:
            words += [option, value]
    return shlex.join(words)


class Described(Protocol):
    """The properties of a run known at its start."""

    @property
    def selection(self) -> query_pb2.Selection:
        """The part of its spec that it runs."""
        ...

    @property
    def parent(self) -> str:
        """Id of the run that it repeats a part of; empty if it repeats none."""
        ...


Run = TypeVar("Run", bound=Described)


def is_of(run: Described, selection: query_pb2.Selection) -> bool:
    """Returns whether a run belongs to the series of its ident with this selection."""
    return not run.parent and key_of(run.selection) == key_of(selection)


def may_lack(run: Described, other: Described) -> bool:
    """Returns whether a job of `other` may be missing in `run` because `run` did not select it."""
    if not run.parent and key_of(run.selection) == "":
        return False
    return (run.parent, key_of(run.selection)) != (other.parent, key_of(other.selection))


def representative(runs: Sequence[Run]) -> Run | None:
    """Returns the run that an ident names, given the runs of that ident, newest first.

    This is the newest run of the whole spec, else the newest that is not a rerun, else the newest.
    """
    whole = [run for run in runs if is_of(run, WHOLE)]
    return next(iter(whole or [run for run in runs if not run.parent] or runs), None)
