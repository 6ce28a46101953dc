"""`gator open`: runs of a folder in the browser, without a hub."""

import json
import re
import urllib.request
from typing import Any

import pytest

from tests.acceptance.support import Gator, Running, until

SPEC = "!Job {ident: hello, shell: echo hello}\n"


class Page:
    """A page as the browser has it after it was opened by a link."""

    def __init__(self, running: Running) -> None:
        pattern = re.compile(r"(http://\S+?)(/\S*)#code=(\S+)")
        link = until(lambda: pattern.search(running.text()), "a link")
        assert link is not None
        self.url, self.view = str(link[1]), str(link[2])
        body = json.dumps({"code": str(link[3])}).encode()
        with self._ask("/session", body, {}) as answer:
            self.cookie = str(answer.headers["set-cookie"]).partition(";")[0]

    def call(self, method: str, request: object) -> Any:
        headers = {"cookie": self.cookie, "content-type": "application/json"}
        with self._ask(f"/gator.v1.{method}", json.dumps(request).encode(), headers) as answer:
            return json.loads(answer.read())

    def _ask(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(self.url + path, body, {"sec-fetch-site": "same-origin", **headers})
        return urllib.request.urlopen(request, timeout=30)


def test_all_runs_of_the_folder_are_shown_until_ctrl_c(gator: Gator) -> None:
    for _ in range(2):
        gator("run", gator.spec(SPEC)).expect(0)
    running = gator.start("open", "--print")
    page = Page(running)
    assert page.view == "/"
    until(lambda: len(page.call("HubService/ListRuns", {}).get("runs", [])) == 2, "both runs")
    running.signal(2)
    running.wait().expect(0)
    with pytest.raises(OSError, match="refused"):
        page.call("HubService/ListRuns", {})


def test_one_run_is_shown_and_nothing_can_be_changed(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(0)
    running = gator.start("open", "-r", "hello", "--print")
    page = Page(running)
    run = page.view.removeprefix("/run/")
    assert page.call("QueryService/GetRun", {"run": run})["run"]["ident"] == "hello"
    with pytest.raises(OSError, match="403"):
        page.call("HubService/PinRun", {"run": run, "pinned": True})
    running.signal(2)
    running.wait().expect(0)


def test_a_folder_without_runs_and_an_unknown_run_are_refused(gator: Gator) -> None:
    assert "there is no run in" in gator("open", "--print").expect(2).err
    gator("run", gator.spec(SPEC)).expect(0)
    assert "there is no run 'other'" in gator("open", "-r", "other", "--print").expect(2).err
