"""Finds and keeps what an attempt made."""

import glob
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec import Struct

from gator.core.attempt.artefacts import Collected
from gator.daemon.artefacts.manifest import Entry, Manifest, write_manifest
from gator.daemon.artefacts.objects import ArtefactError, Kept, ObjectStore
from gator.errors import reason_of
from gator.units import some_of
from gator.v1 import event_pb2, spec_pb2

DEFAULT_MAX_BYTES: Final = 10_000_000_000
MAX_COLLECTED: Final = 1_000
"""Maximum number of files that the globs of `collect` may match."""
_PART_BYTES: Final = 256 * 1024
"""Size of the parts in which a content is recorded for a hub."""


class Collection(Struct, frozen=True):
    """The artefacts of one attempt and where they are."""

    folder: Path
    """Folder of the run."""
    path: str
    attempt: int
    cwd: str
    wanted: spec_pb2.JobArtefacts
    """With everything filled in."""
    content_bytes: int = 0
    """Maximum size of a file whose content is recorded for a hub."""

    def keep(self, *, passed: bool) -> Collected:
        """Stores the artefacts that exist; a missing one is a problem only if the attempt passed so far."""
        result = Collected()
        store = ObjectStore(self.folder)
        entries: dict[str, Entry] = {}
        for product in self.wanted.produces:
            kept = self._product(store, product, result, passed=passed)
            if kept is not None:
                place = self.folder / kept.object
                entries[product.name] = Entry(
                    kept.object, kept.size, kept.files, place.stat().st_mtime_ns, product.discard
                )
        collected: list[str] = []
        for name, path in self._collected(result):
            if kept := self._keep(store, spec_pb2.Product(name=name, path=name), path, result):
                collected.append(kept.object)
        if entries or collected or self.wanted.produces:
            passed = passed and not result.problems
            write_manifest(self.folder, Manifest(self.path, self.attempt, passed, entries, collected))
        return result

    def _product(
        self, store: ObjectStore, product: spec_pb2.Product, result: Collected, *, passed: bool
    ) -> Kept | None:
        path = Path(self.cwd, product.path)
        if not glob.has_magic(product.path):
            if path.exists():
                return self._keep(store, product, path, result)
            what = "there is no such file or folder" if not path.is_symlink() else "it is a broken link"
            _miss(result, product, f"{what}{_neighbours(path)}", passed=passed)
            return None
        members = {name: path for name, path in self._matches(product.path, MAX_COLLECTED) if path.is_file()}
        if members:
            return self._keep(store, product, members, result)
        _miss(result, product, "it matches no file", passed=passed)
        return None

    def _collected(self, result: Collected) -> Iterator[tuple[str, Path]]:
        seen = {product.path for product in self.wanted.produces}
        for pattern in self.wanted.collect:
            for name, path in self._matches(pattern, MAX_COLLECTED + 1):
                if name in seen:
                    continue
                seen.add(name)
                if len(seen) > MAX_COLLECTED + len(self.wanted.produces):
                    result.warnings.append(f"`collect` matches more than {MAX_COLLECTED:,} files: narrow it")
                    return
                yield name, path

    def _matches(self, pattern: str, most: int) -> list[tuple[str, Path]]:
        # Path.glob has no absolute patterns.
        names = islice(glob.iglob(pattern, root_dir=self.cwd, recursive=True), most)  # noqa: PTH207
        return [(name.lstrip("/"), Path(self.cwd, name)) for name in sorted(names)]

    def _keep(
        self, store: ObjectStore, product: spec_pb2.Product, source: Path | dict[str, Path], result: Collected
    ) -> Kept | None:
        most = product.max_bytes or DEFAULT_MAX_BYTES
        try:
            if isinstance(source, Path):
                kept = store.keep(source, source.name or product.name, most)
            else:
                kept = store.keep_tree(source, product.name, most)
        except ArtefactError as error:
            result.problems.append(f"{_shown(product)} {error}")
            return None
        except OSError as error:
            name = f": {error.filename}" if error.filename else ""
            result.problems.append(f"{_shown(product)} cannot be kept: {reason_of(error)}{name}")
            return None
        result.artefacts.append(
            event_pb2.Artefact(
                name=product.name,
                file=product.path,
                sha256=kept.sha256,
                object=kept.object,
                size_bytes=kept.size,
                files=kept.files,
                discarded=product.discard,
            )
        )
        if not kept.files and kept.size <= self.content_bytes:
            result.contents += _parts(self.folder / kept.object, kept.sha256)
        return kept


def _shown(product: spec_pb2.Product) -> str:
    return f"the artefact {product.name} ({product.path})"


def _miss(result: Collected, product: spec_pb2.Product, what: str, *, passed: bool) -> None:
    if passed and not product.optional:
        result.problems.append(f"the artefact {product.name} is missing: {product.path}: {what}")


def _neighbours(path: Path) -> str:
    """Returns what is in the nearest folder on the way to a path that does not exist."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        names: Sequence[str] = sorted(each.name for each in folder.iterdir())
    except OSError:
        return ""
    return f"; {folder} has {some_of(names) if names else 'nothing'}"


def _parts(place: Path, digest: str) -> Iterator[event_pb2.ArtefactContent]:
    offset = 0
    with place.open("rb") as file:
        while data := file.read(_PART_BYTES):
            yield event_pb2.ArtefactContent(sha256=digest, offset_bytes=offset, data=data)
            offset += len(data)
