"""The files of the page, as a browser gets them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gator_hub.web.page import Page

INDEX = b"<!doctype html><title>Gator hub</title>" + b" " * 2000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(INDEX)
    (tmp_path / "assets" / "index-abc123.js").write_text("run()")
    (tmp_path / ".inputs").write_text("secret")
    (tmp_path / "notes.secret").write_text("secret")
    return tmp_path


class Answer:
    """A response of the page."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        start, body = events
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.body: bytes = body["body"]


async def ask(page: Page, path: str, method: str = "GET", **headers: str) -> Answer:
    events: list[dict[str, Any]] = []

    async def send(event: Any) -> None:
        events.append(event)

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await page({"method": method, "path": path, "headers": pairs}, send)
    return Answer(events)


async def test_each_view_is_the_page(folder: Path) -> None:
    page = Page(8080, folder)
    for path in ("/", "/run/abc", "/run/abc/job/nightly/run%5B2%5D", "/nothing"):
        answer = await ask(page, path)
        assert (answer.status, answer.body) == (200, INDEX)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"


async def test_files_with_a_hash_in_their_name_are_kept_by_browsers(folder: Path) -> None:
    answer = await ask(Page(8080, folder), "/assets/index-abc123.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert (await ask(Page(8080, folder), "/assets/index-old.js")).status == 404


async def test_the_page_is_compressed_for_those_who_accept_it(folder: Path) -> None:
    answer = await ask(Page(8080, folder), "/", accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == INDEX
    assert len(answer.body) < len(INDEX)


async def test_only_files_of_known_types_are_served(folder: Path) -> None:
    for path in ("/.inputs", "/notes.secret", "/../page.py", "/assets/../../x"):
        assert b"secret" not in (await ask(Page(8080, folder), path)).body


async def test_other_methods_are_refused(folder: Path) -> None:
    assert (await ask(Page(8080, folder), "/", "POST")).status == 405
    answer = await ask(Page(8080, folder), "/", "HEAD")
    assert (answer.status, answer.body) == (200, b"")


async def test_the_page_learns_the_port_of_grpc(folder: Path) -> None:
    assert json.loads((await ask(Page(9180, folder), "/hub.json")).body) == {
        "grpcPort": 9180,
        "readOnly": False,
    }


async def test_without_a_page_each_view_says_how_to_build_it(tmp_path: Path) -> None:
    page = Page(8080, tmp_path)
    assert not page.is_built
    answer = await ask(page, "/run/abc")
    assert answer.status == 503
    assert b"python3 tools/wheel/web_page.py" in answer.body
