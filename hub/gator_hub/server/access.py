"""Who may use the hub: names of users and their tokens, from a file.

Rule: a token stands in the file and in the memory of its user, never in a log, an error or an answer.
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

from gator.bounded_file import MAX_SETTING_BYTES, read_stream
from gator.errors import UnauthenticatedError, UsageError
from gator.rpc import address
from gator.rpc.auth import token_of

TOKEN_BYTES = 32
MIN_TOKEN = 16
"""Characters a token has at least."""
_LOOK_SECONDS = 1.0
"""How old what is known of the file may be."""
_NAME = re.compile(r"[^\s:#][^\s:]{0,127}")
_TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN},1024}}")

_log = getLogger("gator.hub")

# When a file or its mode was changed, its size and which it is: one is new when its content is.
_Mark = tuple[int, int, int]


class Access:
    """The users of a hub. A file that was changed is read again within a second."""

    def __init__(
        self, file: Path, admins: Container[str] = (), *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Reads the file; `admins` are the users who may give away runs of others.

        Raises UsageError if the file is unreadable, invalid, or readable by everybody.
        """
        self.file = file
        """The file with the tokens."""
        self._admins = admins
        self._clock = clock
        self._mark = _mark(file)
        self._users = read_tokens(file)
        self._looked = clock()

    def user_of(self, token: str) -> str:
        """Name of the user whose token it is. Raises UnauthenticatedError."""
        self._look()
        digest = sha256(token.encode(errors="replace")).digest()
        found = ""
        # No early end: how long it takes says nothing about which token is near.
        for name, known in self._users:
            if hmac.compare_digest(known, digest):
                found = name
        if found:
            return found
        if not token:
            raise UnauthenticatedError("a token is missing: set GATOR_HUB_TOKEN or GATOR_HUB_TOKEN_FILE")
        raise UnauthenticatedError("the token is not known here: ask the keeper of this hub for yours")

    def knows(self, name: str) -> bool:
        """Returns whether a user of this name has a token."""
        self._look()
        return any(name == known for known, _ in self._users)

    def is_admin(self, name: str) -> bool:
        """Returns whether a user may give away runs of others."""
        return name in self._admins

    def name_of(self, token: str) -> str:
        """The same; empty when it is nobody's."""
        try:
            return self.user_of(token)
        except UnauthenticatedError:
            return ""

    def authenticate(self, method: str, token: str) -> None:
        """What `gator.rpc.serve` asks before each call. Raises UnauthenticatedError."""
        del method
        self.user_of(token)

    def caller(self, context: Any) -> str:
        """Name of the user who calls, from the context of a servicer. Raises UnauthenticatedError."""
        return self.user_of(token_of(context.invocation_metadata()))

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        mark = _mark(self.file)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._users = read_tokens(self.file)
        except UsageError as error:
            # Half an edit must not lock everybody out.
            _log.warning("the tokens known so far stay good: %s", error)
        else:
            _log.info("read %s again, tokens: %d", self.file, len(self._users))


def read_tokens(file: Path) -> Sequence[tuple[str, bytes]]:
    """Names and SHA-256 of tokens in a file with a line `NAME:TOKEN` for each user; `#` begins a comment.

    A name may have several tokens, a token has one name. Raises UsageError without showing a token.
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
        raise UsageError(f"{file} names no user: write a line NAME:TOKEN for each")
    return users


def own_file(file: Path) -> Path:
    """The file with the token of the user who starts a hub; written if it is not there.

    Its folder is made for this user alone. Hubs that start at once agree on one token. Raises UsageError.
    """
    try:
        file.parent.parent.mkdir(parents=True, exist_ok=True)
        address.private_folder(file.parent)
        if not file.exists():
            _write_once(file, f"{user_name()}:{secrets.token_hex(TOKEN_BYTES)}\n")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}; set XDG_DATA_HOME to another folder"
        ) from error
    return file


def user_name() -> str:
    """Name of the user this process belongs to; the number where there is no name."""
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
        # A link appears whole or not at all, and never replaces one that another hub has made.
        file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _mark(file: Path) -> _Mark | None:
    """None when it is gone."""
    try:
        info = file.stat()
    except OSError:
        return None
    return info.st_ctime_ns, info.st_size, info.st_ino


def _read(file: Path) -> str:
    try:
        with file.open("rb") as reader:
            if stat.S_IMODE(os.fstat(reader.fileno()).st_mode) & 0o007:
                raise UsageError(f"{file} may be read by everybody on this host: chmod 600 {file}")
            return read_stream(reader, MAX_SETTING_BYTES).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
