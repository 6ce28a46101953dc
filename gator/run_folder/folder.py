"""The files of a run: their paths, their creation, the lock and the key."""

import fcntl
import json
import os
import re
import secrets
import stat
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import asdict, replace

from gator.core.attempt.start.environment import HUB_TOKEN_FILE
from gator.core.run_key import KEY_BYTES
from gator.errors import UsageError, reason_of
from gator.files.regular import is_regular, open_regular, read_regular
from gator.run_folder.lock_holder import LockHolder, lock_holder_of

ROOT_STORE = "root.db"
CLOSING_STORE = "closing.db"
LATEST = "latest"
"""The link to the newest run of a tracking folder."""
LOCK_TIMEOUT_SECONDS = 0.5
"""Timeout in seconds for the lock, which a process that tests whether the run lives holds briefly."""
_MAX_SMALL_BYTES = 65_536
"""Maximum size of `run.lock` and `control`; Gator writes a few hundred bytes."""
MAX_NAME_PART = 64
"""Maximum number of characters of an ident in the name of a run's folder."""


def name_part(ident: str) -> str:
    """Returns an ident in the form for the name of a run's folder; different idents may give the same."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", ident)[:MAX_NAME_PART]


def _no_folder(tracking: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot make a folder for the run in {tracking}: {reason_of(error)}: "
        "name another one with --tracking"
    )


def _check_umask() -> None:
    """Raises UsageError if this user could not use the folders that this process makes."""
    mask = os.umask(0o077)
    os.umask(mask)
    if mask & stat.S_IRWXU and os.geteuid() != 0:
        raise UsageError(
            f"umask {mask:03o} takes the permissions of new folders from you: set another, such as umask 022"
        )


class RunFolder:
    """Paths of a run, all absolute."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.stores = self.path / "stores"
        self.daemons = self.path / "daemons"
        self.logs = self.path / "logs"
        self.lock_file = self.path / "run.lock"
        self.key_file = self.path / "run.key"
        self.control = self.path / "control"
        self.hub_token = self.path / HUB_TOKEN_FILE
        self.fault_log = self.path / "gator.log"
        self._lock: int | None = None

    @classmethod
    def create(cls, tracking: Path, ident: str, stamp: str) -> "RunFolder":
        """Returns a new folder `<tracking>/<stamp>-<ident>`; mkdir arbitrates between runs of one second.

        Raises UsageError when the folder cannot be made.
        """
        name = f"{stamp}-{name_part(ident)}"
        _check_umask()
        try:
            tracking.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _no_folder(tracking, error) from error
        for attempt in range(1000):
            folder = cls(tracking / (name if attempt == 0 else f"{name}.{attempt + 1}"))
            try:
                folder.path.mkdir()
            except FileExistsError:
                continue
            except OSError as error:
                raise _no_folder(tracking, error) from error
            folder._fill()
            folder._point_latest(tracking)
            return folder
        raise UsageError(
            f"cannot make a folder for the run in {tracking}: too many runs started in this second: try again"
        )

    @classmethod
    def exactly(cls, path: Path) -> "RunFolder":
        """Uses a folder that the user named; it must be empty or not exist. Raises UsageError otherwise."""
        _check_umask()
        try:
            path.mkdir(parents=True, exist_ok=True)
            taken = any(path.iterdir())
        except OSError as error:
            raise UsageError(f"cannot use {path} as the folder of the run: {reason_of(error)}") from error
        if taken:
            raise UsageError(f"cannot use {path} as the folder of the run: it is not empty, name another one")
        folder = cls(path)
        folder._fill()
        return folder

    def _fill(self) -> None:
        try:
            self.stores.mkdir()
            self.daemons.mkdir()
            self.logs.mkdir()
        except OSError as error:
            raise self._unwritable(error) from error

    def _point_latest(self, tracking: Path) -> None:
        # A link is replaced by renaming another one over it, so that it is never missing.
        link, new = tracking / LATEST, tracking / f".latest-{secrets.token_hex(4)}"
        try:
            new.symlink_to(self.path.name)
            new.replace(link)
        except OSError:
            # No links on this file system: `latest` is found by the folders' names then.
            new.unlink(missing_ok=True)

    def store_of(self, daemon: str) -> Path:
        """Returns the file of a daemon's store."""
        return self.stores / f"{daemon}.db"

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"cannot write to {self.path}: {reason_of(error)}: name another folder with --tracking"
        )

    # -- who owns it

    def write_key(self, key: bytes) -> None:
        """Writes the secret of the run, readable only by the user. Raises UsageError if it fails."""
        try:
            fd = os.open(self.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(key)
        except OSError as error:
            raise self._unwritable(error) from error

    def write_hub_token(self, token: str) -> None:
        """Writes the launch's token for the hub, if any, for use by jobs. Raises UsageError if it fails."""
        if not token:
            return
        try:
            fd = os.open(self.hub_token, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(f"{token}\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def read_key(self) -> bytes | None:
        """Returns the secret of the run; None if it is missing or this user may not read it."""
        try:
            return read_regular(self.key_file, KEY_BYTES)
        except OSError:
            return None

    def lock(self, holder: LockHolder) -> None:
        """Acquires the lock of the run for a process. Raises BlockingIOError while another holder lives.

        Raises UsageError if the lock file cannot be written.
        """
        try:
            fd = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._unwritable(error) from error
        end = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Another process may be testing whether the run lives, which takes microseconds.
                if time.monotonic() > end:
                    os.close(fd)
                    raise
                time.sleep(0.001)
        try:
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(asdict(replace(holder, file=os.fstat(fd).st_ino))).encode())
        except OSError as error:
            os.close(fd)
            raise self._unwritable(error) from error
        self._lock = fd

    def unlock(self) -> None:
        """Releases the lock and removes the hub token, which jobs no longer need."""
        with suppress(OSError):
            self.hub_token.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def taken_over(self) -> Generator[bool]:
        """Holds the lock of a dead run; yields False if another process holds it or it cannot be written."""
        try:
            fd = open_regular(self.lock_file, os.O_RDWR)
        except OSError:
            yield False
            return
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
        finally:
            os.close(fd)

    def lock_holder(self) -> LockHolder | None:
        """Returns the last holder of the lock; None if there never was one."""
        try:
            return lock_holder_of(read_regular(self.lock_file, _MAX_SMALL_BYTES))
        except OSError:
            return None

    def is_copy(self) -> bool:
        """Returns whether this is a copy of the run's folder, which lacks the present state of the run.

        A folder that was moved within its file system is not a copy.
        """
        holder = self.lock_holder()
        try:
            return holder is not None and holder.file not in (0, self.lock_file.lstat().st_ino)
        except OSError:
            return False

    def is_live(self) -> bool:
        """Returns whether the holder is alive; a run of another host counts as live, a copy never does."""
        holder = self.lock_holder()
        if holder is None or self.is_copy():
            return False
        if not holder.on_this_host:
            return not (self.stores / CLOSING_STORE).exists() and self.control.exists()
        try:
            fd = open_regular(self.lock_file)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(fd)

    # -- how to reach it

    def write_control(self, address: str, token: str) -> None:
        """Writes where the root listens; only the user may read it. Raises OSError."""
        text = json.dumps({"address": address, "token": token})
        fd = os.open(self.control, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(text)

    def end_control(self) -> None:
        """Removes where the run was reached, and the sockets that its killed daemons left."""
        from gator.rpc.address import remove_dead_sockets

        control, holder = self.read_control(), self.lock_holder()
        if control is not None and holder is not None:
            remove_dead_sockets(control[0], holder.run)
        self.control.unlink(missing_ok=True)

    def read_control(self) -> tuple[str, str] | None:
        """Address and token of a live root; None when it does not listen."""
        try:
            control = json.loads(read_regular(self.control, _MAX_SMALL_BYTES))
            address, token = control["address"], control["token"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return (address, token) if isinstance(address, str) and isinstance(token, str) else None

    def store_files(self) -> Iterator[Path]:
        """Yields the stores there are, the root's first."""
        root = self.stores / ROOT_STORE
        if is_regular(root):
            yield root
        for path in sorted(self.stores.glob("*.db")):
            if path.name != ROOT_STORE and is_regular(path):
                yield path

    def seal_stores(self) -> None:
        """Leaves each store as one file that a colleague who may not write here can read.

        For when no daemon of the run writes any more; one that was killed left a journal and its reserve.
        """
        from gator.store import seal

        for path in self.store_files():
            seal(path)
