"""The users of a hub and their tokens, from a file.

Invariant: a token never appears in a log, an error or a response.
"""

import hmac
import os
import pwd
import re
import secrets
import stat
import time
from collections.abc import Callable, Container, Sequence
from hashlib import sha256
from logging import getLogger
from pathlib import Path
from typing import Any

from gator.errors import PermissionDeniedError, UnauthenticatedError, UsageError, reason_of
from gator.files.bounded import read_setting
from gator.rpc import address
from gator.rpc.auth import token_of

TOKEN_BYTES = 32
MIN_TOKEN = 16
"""Minimum number of characters of a token."""
_MAX_AGE_SECONDS = 1.0
"""Maximum age in seconds of the state of the file."""
_NAME = re.compile(r"[^\s:#][^\s:]{0,127}")
_TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN},1024}}")

_log = getLogger("gator.hub")

# Times of change, size and identity of a file, which differ if its content does.
_Mark = tuple[int, int, int]


class Access:
    """The users of a hub. A changed file is read again within a second."""

    def __init__(
        self,
        file: Path,
        admins: Container[str] = (),
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads the file; `admins` are the users who may give away runs of others.

        If it is `read_only`, clients change nothing; runs are still sent to the hub.

        Raises UsageError if the file is unreadable, invalid, or readable by other users.
        """
        self.file = file
        """The file with the tokens."""
        self._admins, self._read_only = admins, read_only
        self._clock = clock
        self._mark = _mark(file)
        self._users = read_tokens(file)
        self._checked_at = clock()

    def user_of(self, token: str) -> str:
        """Returns the name of the user with this token. Raises UnauthenticatedError for an unknown token."""
        self._reload_if_changed()
        digest = sha256(token.encode(errors="replace")).digest()
        user = ""
        # No early exit, so that the time taken does not tell which token is similar.
        for name, known in self._users:
            if hmac.compare_digest(known, digest):
                user = name
        if user:
            return user
        if not token:
            raise UnauthenticatedError("a token is missing: set GATOR_HUB_TOKEN or GATOR_HUB_TOKEN_FILE")
        raise UnauthenticatedError("the hub rejects the token: ask its administrator for yours")

    def knows(self, name: str) -> bool:
        """Returns whether a user of this name has a token."""
        self._reload_if_changed()
        return any(name == known for known, _ in self._users)

    def is_admin(self, name: str) -> bool:
        """Returns whether a user may give away runs of others."""
        return name in self._admins

    def name_of(self, token: str) -> str:
        """Returns the name of the user with this token; empty if there is none."""
        try:
            return self.user_of(token)
        except UnauthenticatedError:
            return ""

    def authenticate(self, method: str, token: str) -> None:
        """Checks the token of a call, for `gator.rpc.server.serve`. Raises UnauthenticatedError."""
        del method
        self.user_of(token)

    def caller(self, context: Any) -> str:
        """Returns the name of the user who changes something by a servicer.

        Raises UnauthenticatedError, and PermissionDeniedError if the hub is read-only.
        """
        if self._read_only:
            raise PermissionDeniedError("the hub is read-only: nothing can be stopped, noted or removed here")
        return self.user_of(token_of(context.invocation_metadata()))

    def _reload_if_changed(self) -> None:
        now = self._clock()
        if now - self._checked_at < _MAX_AGE_SECONDS:
            return
        self._checked_at = now
        mark = _mark(self.file)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._users = read_tokens(self.file)
        except UsageError as error:
            # An unfinished edit of the file must not lock all users out.
            _log.warning("the known tokens remain valid: %s", error)
        else:
            _log.info("read %s again, tokens: %d", self.file, len(self._users))


def read_tokens(file: Path) -> Sequence[tuple[str, bytes]]:
    """Returns the names and SHA-256 of the tokens in a file of lines `NAME:TOKEN`; `#` starts a comment.

    A user may have several tokens. Raises UsageError, which shows no token.
    """
    users: list[tuple[str, bytes]] = []
    seen: set[bytes] = set()
    for number, line in enumerate(_read(file).splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, _, token = (part.strip() for part in line.partition(":"))
        if not _NAME.fullmatch(name) or not _TOKEN.fullmatch(token):
            raise UsageError(
                f"{file}:{number}: write NAME:TOKEN, with a token of at least {MIN_TOKEN} characters"
            )
        digest = sha256(token.encode()).digest()
        if digest in seen:
            raise UsageError(f"{file}:{number}: another line has the same token")
        seen.add(digest)
        users.append((name, digest))
    if not users:
        raise UsageError(f"{file} contains no tokens: write a line NAME:TOKEN for each user")
    return users


def own_file(file: Path) -> Path:
    """Returns the file with the token of the user who starts a hub, which is created if it is missing.

    Its folder is readable by this user only. Hubs that start at the same time share one token. Raises
    UsageError.
    """
    try:
        file.parent.parent.mkdir(parents=True, exist_ok=True)
        address.private_folder(file.parent)
        if not file.exists():
            _write_once(file, f"{user_name()}:{secrets.token_hex(TOKEN_BYTES)}\n")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {reason_of(error)}: set XDG_DATA_HOME to another folder"
        ) from error
    return file


def user_name() -> str:
    """Returns the name of the user of this process; the uid if there is no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _write_once(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as writer:
            writer.write(text)
        # Linking is atomic and never replaces the file of another hub.
        file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _mark(file: Path) -> _Mark | None:
    """Returns the state of the file; None if it is gone."""
    try:
        info = file.stat()
    except OSError:
        return None
    return info.st_ctime_ns, info.st_size, info.st_ino


def _read(file: Path) -> str:
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o007:
            raise UsageError(f"{file} can be read by other users of this host: chmod 600 {file}")
        return read_setting(file).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {reason_of(error)}") from error
