"""The options of a hub and their checks. Opens no socket and no database."""

import errno
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from gator.errors import UsageError, reason_of
from gator.files.bounded import read_setting
from gator.hub_access import address as hub_address
from gator.rpc.server import Tls
from gator_hub.database.texts import file_of, url_of

DEFAULT_HOST = "127.0.0.1"
LOG_CAP_BYTES = 256 * 1024 * 1024
MAX_PORT = 65535
_POSTGRES = ("postgresql", "postgres")
_NO_URL = "--db is not a valid URL: write postgresql://USER@HOST:PORT/NAME"


class ServeOptions(Struct, frozen=True):
    """The options of `gator hub serve`."""

    database: str
    """`sqlite:PATH` or `postgresql://USER@HOST:PORT/NAME`, see `database_url`."""
    host: str = DEFAULT_HOST
    port: int = hub_address.DEFAULT_PORT
    """0: any that is free."""
    token_file: Path | None = None
    """None: the file of the user's own hub."""
    admins: frozenset[str] = frozenset()
    """Users who may change the owner of any run."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False
    log_cap_bytes: int = LOG_CAP_BYTES
    """Maximum output in bytes kept of an ended attempt; 0: all."""
    keep_days: int | None = None
    """Older runs are removed unless they are connected or pinned; None: never."""
    keep_runs: int | None = None
    """Number of runs kept for each ident besides pinned ones; None: all."""
    with_web: bool = False
    """Whether to serve the web page and calls over HTTP."""
    web_port: int | None = None
    """Port of HTTP; None: the one after `port`; 0: any that is free."""
    web_names: frozenset[str] = frozenset()
    """Further names of this host in URLs."""
    read_only: bool = False
    """Whether clients may change nothing; runs are still sent to the hub."""

    @property
    def bare_host(self) -> str:
        """Host to listen on; IPv6 addresses without brackets."""
        # A name may resolve to two addresses, and the hub could get only one of them.
        return DEFAULT_HOST if self.host == "localhost" else self.host

    @property
    def address(self) -> str:
        """Where to listen."""
        return address_of(self.bare_host, self.port)

    @property
    def http_port(self) -> int:
        """Port of HTTP; 0: any that is free."""
        if self.web_port is not None:
            return self.web_port
        return self.port + 1 if self.port else 0

    @property
    def known_names(self) -> frozenset[str]:
        """The names of this host besides its own."""
        return self.web_names | {self.bare_host}


def address_of(host: str, port: int) -> str:
    """Returns an address for people; IPv6 addresses get brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check(options: ServeOptions) -> None:
    """Raises UsageError if a hub must not start with these options."""
    if (options.tls_certificate is None) != (options.tls_key is None):
        raise UsageError("--tls-cert and --tls-key are needed together: use both")
    if options.with_web and options.port and options.http_port in (options.port, MAX_PORT + 1):
        raise UsageError(f"--web-port: HTTP needs a port other than {options.port}: name one")
    if hub_address.is_loopback(options.host) or options.insecure:
        return
    missing = [
        name
        for name, given in (
            ("--token-file", options.token_file),
            ("--tls-cert and --tls-key", options.tls_certificate),
        )
        if given is None
    ]
    if missing:
        raise UsageError(
            f"{options.host} is reachable from other hosts: use {' and '.join(missing)} as well, or "
            "--insecure to send tokens and output unencrypted"
        )


class CannotListenError(UsageError):
    """The port or the address is not available."""


def cannot_listen(
    options: ServeOptions, fault: OSError | None = None, *, is_web: bool = False
) -> CannotListenError:
    """Returns the error for the address to listen on; `fault` is that of the operating system, if known."""
    port = options.http_port if is_web else options.port
    ports = "--web-port" if is_web else "--port"
    taken = "another program uses that port, maybe a hub (see gator hub check)"
    if isinstance(fault, socket.gaierror):
        why = f"there is no host {options.bare_host}: use another --host"
    elif fault is None:
        why = f"{taken}, or this host has no such address: use another {ports} or --host"
    elif fault.errno == errno.EADDRINUSE:
        why = f"{taken}: use another {ports}{', or --no-web' if is_web else ''}"
    elif fault.errno == errno.EADDRNOTAVAIL:
        why = "this host has no such address: use another --host"
    else:
        why = f"{reason_of(fault)}: use another {ports} or --host"
    return CannotListenError(f"cannot listen on {address_of(options.bare_host, port)}: {why}")


def tls_of(options: ServeOptions) -> Tls | None:
    """Returns the certificate and key from their files. Raises UsageError if they do not match."""
    certificate, key = options.tls_certificate, options.tls_key
    if certificate is None or key is None:
        return None
    tls = Tls(_read("--tls-cert", certificate), _read("--tls-key", key))
    try:
        # An encrypted key fails here; OpenSSL would ask for its password on a terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        raise UsageError(
            f"{key} is not the key of {certificate}, or one of the files is encrypted or is not PEM"
        ) from error
    return tls


def _read(option: str, file: Path) -> bytes:
    try:
        if file.exists() and not file.is_file():
            # OpenSSL reads it again and would block on a FIFO.
            raise OSError(errno.EINVAL, "it is not a regular file")
        return read_setting(file)
    except OSError as error:
        raise UsageError(f"{option}: cannot read {file}: {reason_of(error)}") from error


def default_database(environ: Mapping[str, str]) -> Path:
    """Returns the database file of the user's own hub."""
    return hub_address.data_folder(environ) / "hub.db"


def database_url(text: str | None, environ: Mapping[str, str]) -> str:
    """Returns the URL for `--db`: a path, `sqlite:PATH`, a URL of PostgreSQL, or the default if it is empty.

    Raises UsageError, also for a URL with a password, because other users can read command lines.
    """
    if not text:
        return url_of(default_database(environ))
    path = file_of(text)
    if path is not None:
        return _sqlite_url(str(path))
    if "://" not in text:
        if text.startswith(tuple(f"{name}:" for name in _POSTGRES)):
            raise UsageError(_NO_URL)
        return _sqlite_url(text)
    if text.partition("://")[0] not in _POSTGRES:
        raise UsageError("--db takes a file or postgresql://USER@HOST:PORT/NAME")
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or any(
            name.endswith("password") for name in parse_qs(parts.query)
        )
        _ = parts.port
    except ValueError as error:
        raise UsageError(_NO_URL) from error
    if secret:
        raise UsageError(
            "other users of this host can read a password in --db: pass it in PGPASSWORD or ~/.pgpass, "
            "or omit it to be prompted"
        )
    return text


def _sqlite_url(path: str) -> str:
    if path in ("", ".", ":memory:"):
        raise UsageError("--db takes the path of a file")
    return url_of(Path(path).expanduser().absolute())
