"""The manifest of the artefacts of a job, for the jobs that use them: `artefacts/TEMPLATE/JOB.json`.

Invariant: the file of a job is that of its last attempt, and a new attempt begins by removing it.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from gator.node_paths import template_of
from gator.path_patterns import slug

ARTEFACTS: Final = "artefacts"


class Entry(Struct, frozen=True):
    """One artefact."""

    object: str
    """Path relative to the folder of the run."""
    size: int
    files: int
    mtime_nanos: int
    """Modification time of the object, by which a change is noticed."""
    discard: bool = False


class Manifest(Struct, frozen=True):
    """The artefacts of one attempt at a job."""

    path: str
    attempt: int
    passed: bool
    artefacts: dict[str, Entry]
    collected: list[str] = []
    """Objects of further files that are kept."""


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes what an attempt made. Raises OSError."""
    file = _file(folder, manifest.path)
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(manifest))
    new.replace(file)


def remove_manifest(folder: Path, path: str) -> None:
    """Forgets what earlier attempts at a job made."""
    with suppress(FileNotFoundError):
        _file(folder, path).unlink()


def manifests(folder: Path, template: str) -> Iterator[Manifest]:
    """Yields what the instances of a node made. Raises OSError and msgspec.MsgspecError."""
    place = folder / ARTEFACTS / slug(template)
    for file in place.glob("*.json"):
        yield msgspec.json.decode(file.read_bytes(), type=Manifest)


def all_manifests(folder: Path) -> Iterator[Manifest]:
    """Yields what all jobs of a run made."""
    for file in (folder / ARTEFACTS).glob("*/*.json"):
        yield msgspec.json.decode(file.read_bytes(), type=Manifest)


def _file(folder: Path, path: str) -> Path:
    return folder / ARTEFACTS / slug(template_of(path)) / f"{slug(path)}.json"
