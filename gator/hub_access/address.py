"""Finds the address, the token and the certificates with which a client connects to a hub; imports no grpc.

Invariant: the token in the user's data folder is only sent to a server on this host that runs as this user or
as root. For any other hub, the user names both the token and the hub, not a file of a project.
"""

import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

from gator import errors
from gator.errors import reason_of
from gator.files.bounded import read_setting
from gator.hub_access.page import address_behind

DEFAULT_PORT = 8080
TOKEN_VARIABLE = "GATOR_HUB_TOKEN"  # noqa: S105 - a name
TOKEN_FILE_VARIABLE = "GATOR_HUB_TOKEN_FILE"  # noqa: S105 - a name
CA_VARIABLE = "GATOR_HUB_CA"
CA_OPTION = "--hub-ca"
REFUSED = "Connection refused"
"""Reason if no process listens at an address."""
_NO_HUB = "something else listens there: check the address"
_SILENT = "it takes connections, but does not answer: restart it, or check the address"
_HANGS_UP = "it hangs up at once: use --hub-ca FILE if it speaks TLS, else check the address"
_WORDS = (
    (
        "CERTIFICATE_VERIFY_FAILED",
        "its certificate is not trusted: use --hub-ca FILE with the certificates of its CA",
    ),
    (
        "Hostname Verification Check failed",
        "its certificate is for another name: use that name in the address",
    ),
    ("WRONG_VERSION_NUMBER", "it speaks no TLS: leave out --hub-ca and GATOR_HUB_CA"),
    ("missing selected ALPN property", _NO_HUB),
    ("Handshake read failed (Endpoint closing)", _SILENT),
    ("Handshake read failed", "it hangs up on TLS: leave out --hub-ca and GATOR_HUB_CA if it speaks none"),
    ("Failed parsing HTTP/2", _NO_HUB),
    ("before receiving SETTINGS frame", _SILENT),
    ("address lookup failed", "no host of this name is known: check the address"),
)
"""Fragments of gRPC's messages and their meanings; the first one that occurs decides."""
_PLAIN_WORDS = (("Socket closed", _HANGS_UP), ("Connection reset", _HANGS_UP))
"""The same without TLS."""
_CUT = ("Socket closed", "Connection reset", "Broken pipe", "Stream removed", "Cancelling all calls")
"""Beginnings of gRPC's messages about a connection that was established before."""
_LASTING = {meaning for _, meaning in (*_WORDS, *_PLAIN_WORDS)} - {_SILENT} | {REFUSED}
_NEEDS_TOKEN = (
    f"needs a token: set {TOKEN_VARIABLE}, or {TOKEN_FILE_VARIABLE} to a file with the line NAME:TOKEN that "
    "the hub's administrator gave you"
)
"""Continues a sentence after the name of a hub."""
_pipes: dict[Path, bytes] = {}
"""Contents of pipes by path, because a pipe such as `<(pass hub)` can be read only once."""
_LISTENING = "0A"
_ANY = {"00000000", "0" * 32}


class HubAccess(Struct, frozen=True):
    """The address and credentials of a hub."""

    address: str
    """`HOST:PORT` or `unix:PATH`, as `gator.rpc` dials it."""
    token: str
    """Empty if this user never had a hub on this host, or the server at the address is not the user's."""
    ca: bytes | None
    """PEM certificates to trust; None means no TLS."""
    source: str = ""
    """Variable or file that the token is from; empty for no token."""

    def __repr__(self) -> str:
        # Tracebacks and logs contain structs, but must not contain a token.
        return f"HubAccess({self.address!r}, tls={self.ca is not None})"


def resolve(
    address: str, environ: Mapping[str, str], *, ca: Path | None = None, project_file: Path | None = None
) -> HubAccess:
    """Returns the address and credentials of the hub at `HOST[:PORT]`; the default port is 8080.

    The token is that of GATOR_HUB_TOKEN, else of the file named by GATOR_HUB_TOKEN_FILE, else, on this host,
    that of the user's own hub. If the address is only in a `project_file`, a token of the environment is not
    sent there. Callers resolve again before each connection, because the hub and its token may be created
    later. Raises UsageError if the address is invalid, a named file cannot be read, or there is not a token
    for a hub on another host.
    """
    trusted = read_ca(environ, ca)
    full = full_address(address_behind(address.strip(), trusted))
    token, source = (
        _token(full, environ) if project_file is None else _for_project(full, environ, project_file)
    )
    return HubAccess(full, token, trusted, source)


def why_away(error: str, *, secure: bool) -> str:
    """Returns why a hub cannot be reached, from a message of gRPC; `secure` if TLS was used."""
    if meaning := mismatch(error, secure=secure):
        return meaning
    # An unknown message is used without the context before it.
    last = error.rpartition(": ")[2]
    return "the connection was cut" if last.startswith(_CUT) else last


def mismatch(error: str, *, secure: bool) -> str:
    """Returns why a server that listens cannot be used; empty if the message names no such reason.

    gRPC has one code for all of these reasons, so the text of its message decides.
    """
    # A connection that ends later means that the hub stops.
    if error.startswith(("failed to connect", "errors resolving")):
        for word, meaning in _WORDS if secure else (*_WORDS, *_PLAIN_WORDS):
            if word in error:
                return meaning
    return ""


def is_lasting(why: str) -> bool:
    """Returns whether a reason returned by `why_away` persists until a user acts."""
    return why in _LASTING


def unknown_token(source: str) -> str:
    """Returns what to do if a hub rejects the token, as the rest of a sentence after its name.

    `source` is the source of the token, as in HubAccess; empty for no token.
    """
    return (
        f"rejects the token in {source}: ask the hub's administrator for a token" if source else _NEEDS_TOKEN
    )


def read_ca(environ: Mapping[str, str], ca: Path | None = None) -> bytes | None:
    """Returns the certificates to trust, from a file or GATOR_HUB_CA; None for no TLS.

    Raises UsageError if the file cannot be read or has no certificate.
    """
    trusted = ca or _path(environ, CA_VARIABLE)
    if trusted is None:
        return None
    named = CA_OPTION if ca else CA_VARIABLE
    data = _read(trusted, named)
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise errors.UsageError(
            f"{trusted}, which {named} names, has no certificate: it must be a file in PEM"
        )
    return data


def data_folder(environ: Mapping[str, str]) -> Path:
    """Returns the folder with the database and the token of a user's own hub; does not create it.

    Raises UsageError if the user has no home folder.
    """
    root = environ.get("XDG_DATA_HOME", "")
    # The XDG Base Directory Specification requires that a relative path is ignored.
    if not root.startswith("/"):
        home = environ.get("HOME", "")
        try:
            root = str((Path(home) if home else Path.home()) / ".local" / "share")
        except RuntimeError as error:
            raise errors.UsageError("this user has no home folder: set XDG_DATA_HOME") from error
    return Path(root) / "gator" / "hub"


def own_token_file(environ: Mapping[str, str]) -> Path:
    """Returns the file with the token of the user's own hub, which the hub writes at its first start."""
    return data_folder(environ) / "token"


def full_address(address: str) -> str:
    """Returns `HOST:PORT` with the default port filled in. Raises UsageError for an invalid address.

    A scheme is accepted, because a hub prints one, and ignored: TLS is used if there are trusted
    certificates.
    """
    address = address.strip().removeprefix("http://").removeprefix("https://").removesuffix("/")
    if address.startswith("unix:"):
        return address
    host, port = split(address)
    if not host or "/" in address or len(address.split()) > 1 or not 0 < port < 65536:
        raise errors.UsageError(
            f"{address!r} is not an address of a hub: write HOST:PORT, such as localhost:8080"
        )
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split(address: str) -> tuple[str, int]:
    """Returns the host without brackets and the port: 8080 if it is omitted, 0 if it is not a number."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
    elif address.count(":") > 1:
        return address, DEFAULT_PORT
    else:
        host, _, port = address.partition(":")
    if not port:
        return host, DEFAULT_PORT
    return host, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0


def is_loopback(address: str) -> bool:
    """Returns whether an address can only mean this host; no name except localhost is resolved."""
    if address.startswith("unix:"):
        return True
    host, _ = split(address)
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token(address: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Returns the token and its source; both are empty if there is none."""
    if token := environ.get(TOKEN_VARIABLE, "").strip():
        if not is_token(token):
            raise errors.UsageError(
                f"{TOKEN_VARIABLE} contains invalid characters: set it to the token that the hub's "
                "administrator gave you"
            )
        return token, TOKEN_VARIABLE
    if (file := _path(environ, TOKEN_FILE_VARIABLE)) is not None:
        return token_in(_read(file, TOKEN_FILE_VARIABLE), file), str(file)
    if not is_loopback(address):
        raise errors.UsageError(f"the hub at {address} {_NEEDS_TOKEN}")
    return _own_token(address, environ)


def _for_project(address: str, environ: Mapping[str, str], file: Path) -> tuple[str, str]:
    """Returns the token for a hub that only the file of a project names: at most that of the user's own hub.

    Raises UsageError for a hub on another host. A socket may be that of another user.
    """
    if address.startswith("unix:"):
        return "", ""
    if not is_loopback(address):
        raise errors.UsageError(
            f"the hub at {address} gets no token, because only {file} names it: name it with --hub, "
            "GATOR_HUB or your own gator.toml"
        )
    return _own_token(address, environ)


def _own_token(address: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Returns the token of the user's own hub and its file; both are empty if another server listens."""
    try:
        own = own_token_file(environ)
        data = read_setting(own)
    except (OSError, errors.UsageError):
        # HOME may be missing or belong to another user. A hub that needs a token rejects the call.
        return "", ""
    if not {os.getuid(), 0}.issuperset(listeners(address, _tables())):
        return "", ""
    return token_in(data, own), str(own)


def token_in(data: bytes, file: Path) -> str:
    """Returns the token in a file with one line, `NAME:TOKEN` or the token alone.

    Raises UsageError if the file has no token or several.
    """
    lines = [line.strip() for line in data.decode(errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    token = lines[0].rpartition(":")[2].strip() if len(lines) == 1 else ""
    if not is_token(token):
        raise errors.UsageError(f"{file} holds no token: write one line NAME:TOKEN")
    return token


def is_token(text: str) -> bool:
    """Returns whether a string can be a token: printable ASCII without spaces, as in an HTTP/2 header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def listeners(address: str, tables: Iterable[Iterable[str]]) -> set[int]:
    """Returns the user ids of the processes that listen at a loopback address.

    `tables` are the lines of `/proc/net/tcp` and `tcp6`: a heading, then all listening sockets, then others
    (Linux, Documentation/networking/proc_net_tcp.rst). Unix sockets are not checked, because the owner of
    their folder is known.
    """
    if address.startswith("unix:"):
        return set()
    _, port = split(address)
    inodes: set[int] = set()
    for table in tables:
        for line in islice(table, 1, None):
            fields = line.split()
            if fields[3] != _LISTENING:
                break
            host, _, at = fields[1].partition(":")
            if int(at, 16) == port and (host in _ANY or _is_loopback_word(host)):
                inodes.add(int(fields[7]))
    return inodes


def _is_loopback_word(host: str) -> bool:
    """Returns whether an address as the kernel prints it is in 127.0.0.0/8, mapped to IPv6 or not, or ::1."""
    # The bytes of an IPv4 address are in reverse order.
    is_v4 = len(host) == 8 or host.startswith("0000000000000000FFFF0000")
    return host.endswith("7F") if is_v4 else host == "0" * 24 + "01000000"


def _tables() -> Iterator[Iterable[str]]:
    for name in ("tcp", "tcp6"):
        try:
            with Path("/proc/net", name).open(encoding="ascii") as table:
                yield table
        except OSError:
            # The kernel has no IPv6, or its tables are not readable.
            continue


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name, "")
    return Path(value) if value else None


def _read(file: Path, variable: str = "") -> bytes:
    """Returns the content of a file that a variable may name. Raises UsageError if it is unreadable."""
    if file in _pipes:
        return _pipes[file]
    try:
        data = read_setting(file)
        if not file.is_file():
            _pipes[file] = data
        return data
    except OSError as error:
        named = f", which {variable} names" if variable else ""
        raise errors.UsageError(f"cannot read {file}{named}: {reason_of(error)}") from error
