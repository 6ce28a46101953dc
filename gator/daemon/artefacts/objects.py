"""Contents of artefacts, kept once by their hash: `objects/AB/REST/NAME`.

A file is cloned where the file system can, else copied, and is read-only. Each name of a content is a hard
link to it, so that a consumer finds the name, and its suffix, that the producer chose. A folder is a tree of
hard links to objects. Programs are kept apart from other files with the same content, because links share
a mode.
"""

import fcntl
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Final

from msgspec import Struct

from gator.units import plural, size_text

OBJECTS: Final = "objects"
MAX_FILES: Final = 100_000
"""Maximum number of files of one folder."""
_CONTENT: Final = "content"
_FICLONE: Final = 0x40049409  # linux/fs.h
_CHUNK_BYTES: Final = 1 << 20
_FILE_MODE: Final = 0o444
_PROGRAM_MODE: Final = 0o555


class ArtefactError(Exception):
    """An artefact cannot be kept; the message says what was found instead, as the end of a sentence."""


class Kept(Struct, frozen=True):
    """An artefact that was kept."""

    sha256: str
    object: str
    """Path relative to the folder of the run."""
    size: int
    files: int = 0
    """Number of files of a folder; 0 for a file."""


class ObjectStore:
    """The objects of one run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects = folder / OBJECTS

    def keep(self, path: Path, name: str, max_bytes: int) -> Kept:
        """Stores a file or folder under a name. Raises ArtefactError and OSError."""
        if path.is_dir():
            return self.keep_tree(dict(_walk(path)), name, max_bytes)
        digest, source, size = self._keep_file(path, max_bytes)
        return Kept(digest, self._named(source, name), size)

    def keep_tree(self, members: Mapping[str, Path], name: str, max_bytes: int) -> Kept:
        """Stores files as a folder, by their paths within it. Raises ArtefactError and OSError."""
        tree = self._temporary()
        tree.mkdir()
        try:
            digest, size = self._fill(tree, members, max_bytes)
            return Kept(digest, self._placed(tree, digest, name), size, max(len(members), 1))
        finally:
            if tree.exists():
                remove_tree(tree)

    def _fill(self, tree: Path, members: Mapping[str, Path], max_bytes: int) -> tuple[str, int]:
        total = sha256()
        size = 0
        for inner, path in _without_parents(members):
            target = tree / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                target.symlink_to(path.readlink())
                total.update(_member(inner, path))
                continue
            if path.is_dir():
                target.mkdir(exist_ok=True)
                total.update(_member(inner, path))
                continue
            digest, source, bytes_of_file = self._keep_file(path, max_bytes - size)
            size += bytes_of_file
            _link(source, target)
            total.update(_member(inner, source, digest))
        return total.hexdigest(), size

    def _placed(self, tree: Path, digest: str, name: str) -> str:
        """Renames a complete tree to its final name, unless one with the same content exists."""
        final = self._objects / digest[:2] / f"{digest[2:]}.d" / name
        final.parent.mkdir(parents=True, exist_ok=True)
        if not final.exists():
            try:
                tree.rename(final)
            except OSError:
                # Another job may have kept the same content meanwhile.
                if not final.exists():
                    raise
            else:
                _protect(final)
        return str(final.relative_to(self._folder))

    def _keep_file(self, path: Path, max_bytes: int) -> tuple[str, Path, int]:
        """Returns the hash of a file, the path of its content and its size."""
        # A FIFO without a writer would block a blocking open.
        source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = os.fstat(source)
            if not stat.S_ISREG(before.st_mode):
                raise ArtefactError(f"{path.name} is {_kind(before.st_mode)}")
            if before.st_size > max_bytes:
                has, allowed = size_text(before.st_size), size_text(max(max_bytes, 0))
                raise ArtefactError(
                    f"is too large: {path.name} has {has}, and {allowed} are allowed; raise `max:`"
                )
            digest, content = self._content(source, is_program=bool(before.st_mode & stat.S_IXUSR))
            after = os.fstat(source)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise ArtefactError(f"{path.name} was changed while it was kept: a process still writes it")
            return digest, content, before.st_size
        finally:
            os.close(source)

    def _content(self, source: int, *, is_program: bool) -> tuple[str, Path]:
        copy = self._temporary()
        target = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if _clone(source, target):
                digest = _hash_of(target)
            else:
                digest = _hash_of(source)
                if self._known(digest, is_program=is_program) is None and _copy(source, target) != digest:
                    raise ArtefactError("was changed while it was kept: a process still writes it")
            content = self._known(digest, is_program=is_program)
            if content is None:
                os.fchmod(target, _PROGRAM_MODE if is_program else _FILE_MODE)
                content = self._place(digest, is_program=is_program)
                content.parent.mkdir(parents=True, exist_ok=True)
                # Another job may have kept the same content meanwhile.
                with suppress(FileExistsError):
                    os.link(copy, content)
            return digest, content
        finally:
            os.close(target)
            copy.unlink()

    def _place(self, digest: str, *, is_program: bool) -> Path:
        return self._objects / digest[:2] / f"{digest[2:]}{'.x' if is_program else '.f'}" / _CONTENT

    def _known(self, digest: str, *, is_program: bool) -> Path | None:
        place = self._place(digest, is_program=is_program)
        return place if place.exists() else None

    def _named(self, content: Path, name: str) -> str:
        named = content.with_name(name)
        if named != content:
            with suppress(FileExistsError):
                _link(content, named)
        return str(named.relative_to(self._folder))

    def _temporary(self) -> Path:
        folder = self._objects / "new"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / uuid.uuid4().hex


def _protect(root: Path) -> None:
    """Makes the folders of a tree read-only; a folder that is renamed must not be."""
    for folder, _, _ in os.walk(root, topdown=False):
        os.chmod(folder, _PROGRAM_MODE)  # noqa: PTH101 - as os.walk gives it


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yields the files, links and empty folders of a folder, with their paths within it."""
    number = 0
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        number += len(files) + len(links)
        if number > MAX_FILES:
            raise ArtefactError(f"has more than {plural(MAX_FILES, 'file')}")
        for name in (*files, *links):
            yield str((here / name).relative_to(root)), here / name
        if not files and not folders and here != root:
            yield str(here.relative_to(root)), here


def _without_parents(members: Mapping[str, Path]) -> list[tuple[str, Path]]:
    """Returns members sorted by path, without folders that have other members, as `_walk` yields them."""
    normal = {str(PurePath(inner)): path for inner, path in members.items()}
    parents = {str(parent) for inner in normal for parent in PurePath(inner).parents}
    return sorted((inner, path) for inner, path in normal.items() if inner not in parents)


def _link(content: Path, target: Path) -> None:
    """Links a content to a further name, or copies it where a file cannot have more links."""
    try:
        os.link(content, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copy2(content, target)


def _clone(source: int, target: int) -> bool:
    """Makes a file share the blocks of another one. Returns whether the file system can do so."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def hash_of(path: Path) -> str:
    """Returns the hash of an object, which is that of its record unless it was changed. Raises OSError."""
    if not path.is_dir():
        return _hash_of_file(path)
    total = sha256()
    for inner, member in sorted(_walk(path)):
        is_file = not member.is_symlink() and not member.is_dir()
        total.update(_member(inner, member, _hash_of_file(member) if is_file else ""))
    return total.hexdigest()


def _member(inner: str, path: Path, digest: str = "") -> bytes:
    """Returns what a member adds to the hash of its folder; `digest` is that of an object that is a file."""
    if digest:
        kind = ".x" if path.stat().st_mode & stat.S_IXUSR else ".f"
        text = f"{digest} {kind} {inner}\0"
    else:
        text = f"link {inner}\0{path.readlink()}\0" if path.is_symlink() else f"folder {inner}\0"
    return text.encode("utf-8", "surrogateescape")


def _hash_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return _hash_of(file.fileno())


def _hash_of(fd: int) -> str:
    digest = sha256()
    for chunk in _chunks(fd):
        digest.update(chunk)
    return digest.hexdigest()


def _copy(source: int, target: int) -> str:
    """Copies a file and returns the hash of what was written."""
    digest = sha256()
    for chunk in _chunks(source):
        digest.update(chunk)
        left = memoryview(chunk)
        while left:
            left = left[os.write(target, left) :]
    return digest.hexdigest()


def _chunks(fd: int) -> Iterator[bytes]:
    os.lseek(fd, 0, os.SEEK_SET)
    while chunk := os.read(fd, _CHUNK_BYTES):
        yield chunk


def _kind(mode: int) -> str:
    for test, name in ((stat.S_ISFIFO, "a FIFO"), (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder")):
        if test(mode):
            return name
    return "no regular file"


def remove_tree(folder: Path) -> None:
    """Removes a folder with all objects, whose folders are read-only. Raises OSError."""
    for path, folders, _ in os.walk(folder):
        Path(path).chmod(0o755)
        for name in folders:
            inner = Path(path, name)
            if not inner.is_symlink():
                inner.chmod(0o755)
    shutil.rmtree(folder)


def copy_object(source: Path, target: Path) -> None:
    """Makes a copy of an object that may be changed. Raises OSError."""
    if source.is_dir():
        target.mkdir(parents=True)
        for entry in sorted(source.iterdir()):
            if entry.is_symlink():
                (target / entry.name).symlink_to(entry.readlink())
            else:
                copy_object(entry, target / entry.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, target.open("xb") as new:
        if not _clone(old.fileno(), new.fileno()):
            shutil.copyfileobj(old, new, _CHUNK_BYTES)
    target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)
