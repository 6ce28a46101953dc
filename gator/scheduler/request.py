"""The request to a scheduler to start a daemon, and the parameters that the daemon reads from its stdin."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from gator.runtime.text_encoding import UTF8_MODE

if TYPE_CHECKING:
    import resource

DAEMON_COMMAND: Final = (sys.executable, *UTF8_MODE, "-P", "-m", "gator.daemon")


class ChildWatcher(Protocol):
    """Waits for the children of this process. A scheduler that starts one must not wait for it itself."""

    def watch(self, pid: int, callback: "Callable[[int, resource.struct_rusage], None]") -> None:
        """Calls back with the wait status and the usage of a child once it is reaped."""
        ...


class DaemonRequest(Struct, frozen=True):
    """A daemon to start.

    The daemon reads `parameters` from its stdin, which must stay open: end of file there tells it that its
    parent is gone. `parameters` has the key of the run, so it must not appear in arguments or files.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    parameters: bytes
    log: Path
    """File to which its stdout and stderr are appended."""
    children: ChildWatcher


class DaemonParameters(Struct, frozen=True):
    """The parameters with which a daemon attaches to its parent.

    `key` is the key of the run as hexadecimal digits.
    """

    daemon: str
    role: str
    """`wrappers` or `tier`."""
    run: str
    folder: str
    """Folder of the run, absolute."""
    parent: str
    """Address of the parent's server."""
    token: str
    key: str
    store: str
    """Id of the store that the daemon will write, 32 hexadecimal digits."""

    def encode(self) -> bytes:
        """Returns the parameters as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "DaemonParameters":
        """Returns the parameters in a line of JSON."""
        return cls(**json.loads(line))
