"""Provides a job with artefacts of other jobs, as paths of objects or as copies.

Invariant: an artefact that was changed after it was made is refused.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from gator.core.attempt.artefacts import variable_of
from gator.daemon.artefacts.manifest import Entry, Manifest, manifests
from gator.daemon.artefacts.objects import copy_object
from gator.errors import reason_of
from gator.node_paths import key_of_path, template_of
from gator.path_patterns import PathPattern, slug, unescape
from gator.units import plural, size_text
from gator.v1 import attach_pb2

INPUTS: Final = "inputs"


class MissingError(Exception):
    """An artefact that a job uses is missing; the message says why."""


def fetch(folder: Path, node: attach_pb2.LaunchNode) -> dict[str, str]:
    """Returns the values of the artefacts that an attempt uses, by JOB.NAME.

    Raises MissingError and OSError.
    """
    place = inputs_folder(folder, node.path, node.attempt)
    return {f"{wanted.job}.{wanted.name}": _value(folder, place, wanted) for wanted in node.inputs}


def inputs_folder(folder: Path, path: str, attempt: int) -> Path:
    """Returns the folder for copies and lists that an attempt gets."""
    return folder / INPUTS / slug(path) / str(attempt)


def _value(folder: Path, place: Path, wanted: attach_pb2.Input) -> str:
    shown = f"{wanted.job}.{wanted.name}"
    entries = list(_entries(folder, wanted))
    own = place / shown
    if wanted.repeated:
        paths = [
            str(_provided_path(folder, entry, own / str(n), wanted)) for n, (_, entry) in enumerate(entries)
        ]
        own.parent.mkdir(parents=True, exist_ok=True)
        file = own.with_name(f"{own.name}.txt")
        file.write_text("".join(f"{path}\n" for path in paths), errors="surrogateescape")
        return str(file)
    return str(_provided_path(folder, entries[0][1], own, wanted)) if entries else ""


def _entries(folder: Path, wanted: attach_pb2.Input) -> Iterator[tuple[str, Entry]]:
    """Yields the artefact of each job that made it, in the order of their paths. Raises MissingError."""
    shown = f"the artefact {wanted.job}.{wanted.name}"
    made = sorted(_made(folder, wanted.producers), key=lambda each: key_of_path(each.path))
    if wanted.unselected and not made:
        if not wanted.optional:
            raise MissingError(f"{shown} is missing: {wanted.job} is not selected: select it too")
        return
    usable = [each for each in made if each.passed or wanted.any]
    for each in usable:
        entry = each.artefacts.get(wanted.name)
        if entry is not None:
            _check(folder, entry, f"{shown} of {each.path}")
            yield each.path, entry
        elif not wanted.optional and each.passed:
            raise MissingError(f"{shown} was not produced by {each.path}")
    if not usable and not wanted.optional:
        failed = f": {plural(len(made), 'job')} failed" if made else ""
        raise MissingError(f"{shown} was not produced by {unescape(wanted.producers)}{failed}")


def _made(folder: Path, producers: str) -> Iterator[Manifest]:
    pattern = PathPattern(f"/{producers}")
    try:
        for each in manifests(folder, template_of(unescape(producers).replace("[*]", ""))):
            if pattern.level(each.path) == 0:
                yield each
    except msgspec.MsgspecError as error:
        raise MissingError(f"the list of what {producers} made is damaged: {error}") from error


def _check(folder: Path, entry: Entry, shown: str) -> None:
    """Raises MissingError if an object is not as it was made."""
    path = folder / entry.object
    try:
        info = path.stat()
    except OSError as error:
        raise MissingError(f"{shown} is missing: {path}: {reason_of(error)}") from error
    size = _size_of_tree(path) if entry.files else info.st_size
    if size != entry.size or info.st_mtime_ns != entry.mtime_nanos:
        now = f"it has {size_text(size)} now, and had {size_text(entry.size)}" if size != entry.size else ""
        raise MissingError(f"{shown} was changed after it was made: {path}{f': {now}' if now else ''}")


def _size_of_tree(root: Path) -> int:
    size = 0
    for folder, _, files in os.walk(root):
        for name in files:
            info = Path(folder, name).lstat()
            size += info.st_size if not Path(folder, name).is_symlink() else 0
    return size


def _provided_path(folder: Path, entry: Entry, own: Path, wanted: attach_pb2.Input) -> Path:
    source = folder / entry.object
    if not wanted.copy:
        return source
    copy_object(source, own / source.name)
    return own / source.name


def environment_of(values: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables with the values of artefacts."""
    return {variable_of(name): value for name, value in values.items()}
