"""Sessions of browsers: a code is good once, and its cookie only for requests of the page."""

import json
import subprocess
import sys

import pytest

from gator_hub.web.sessions import CODE_SECONDS, Sessions
from tests.component.hub.processes import SECONDS, Hub, Keeper
from tests.component.hub.web.client import Web

LIST_RUNS = "/gator.v1.HubService/ListRuns"
OWN = {"sec_fetch_site": "same-origin"}


@pytest.fixture
def stranger(web: Web, hub: Hub) -> Web:
    """A browser without a token."""
    return Web(hub, "")


def run(keeper: Keeper, *args: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command of a client to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gator", *args],
        env=keeper.environ,
        cwd=keeper.folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def sign_in(stranger: Web, code: str) -> tuple[int, str]:
    """The status, and the cookie as a browser sends it back."""
    status, headers, _ = stranger.send(
        "/session", json.dumps({"code": code}).encode(), authorization="", **OWN
    )
    return status, (headers["set-cookie"] or "").partition(";")[0]


def test_a_code_signs_in_once_and_its_cookie_stands_for_the_token(web: Web, stranger: Web) -> None:
    created = web.call("HubService/CreateSignInCode", {})
    assert created["webPort"] == web.port
    status, cookie = sign_in(stranger, created["code"])
    assert status == 204
    assert stranger.send(LIST_RUNS, authorization="", cookie=cookie, **OWN)[0] == 200
    assert sign_in(stranger, created["code"])[0] == 403
    signed_in = stranger.send("/session", None, "GET", authorization="", cookie=cookie, **OWN)[2]
    assert json.loads(signed_in) == {"signedIn": True}


def test_the_cookie_is_not_for_scripts_and_other_sites(web: Web, stranger: Web) -> None:
    code = web.call("HubService/CreateSignInCode", {})["code"]
    _, headers, _ = stranger.send("/session", json.dumps({"code": code}).encode(), authorization="", **OWN)
    assert {"HttpOnly", "SameSite=Strict"} <= set(headers["set-cookie"].split("; "))
    cookie = headers["set-cookie"].partition(";")[0]
    assert stranger.send(LIST_RUNS, authorization="", cookie=cookie)[0] == 401
    assert stranger.send(LIST_RUNS, authorization="", cookie=cookie, sec_fetch_site="cross-site")[0] == 403
    assert (
        stranger.send("/session", b"{}", authorization="", cookie=cookie, origin="http://evil.example")[0]
        == 403
    )


def test_a_session_ends_when_the_browser_signs_out(web: Web, stranger: Web) -> None:
    _, cookie = sign_in(stranger, web.call("HubService/CreateSignInCode", {})["code"])
    assert stranger.send("/session", None, "DELETE", authorization="", cookie=cookie, **OWN)[0] == 204
    assert stranger.send(LIST_RUNS, authorization="", cookie=cookie, **OWN)[0] == 401


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"code": 7}', b'{"code": "guess"}', b"x" * 5000])
def test_anything_else_signs_nobody_in(stranger: Web, body: bytes) -> None:
    status, headers, _ = stranger.send("/session", body, authorization="", **OWN)
    assert (status, headers["set-cookie"]) == (403, None)


def test_codes_and_sessions_end_after_a_while() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    late, code = sessions.create_code("late"), sessions.create_code("token")
    session = sessions.redeem(code)
    now = CODE_SECONDS + 1
    assert sessions.redeem(late) == ""
    assert sessions.token_of(session) == "token"
    now += 8 * 24 * 3600
    assert sessions.token_of(session) == ""


def test_the_command_prints_a_link_that_signs_in(keeper: Keeper, hub: Hub, stranger: Web) -> None:
    done = run(keeper, "hub", "open", "/trend/nightly", "--print", "--hub", hub.address)
    assert done.returncode == 0, done.stderr
    url, _, code = done.stdout.strip().partition("#code=")
    assert url.endswith(f":{stranger.port}/trend/nightly")
    assert sign_in(stranger, code)[0] == 204


def test_the_url_of_the_page_is_an_address_of_the_hub(keeper: Keeper, hub: Hub, web: Web) -> None:
    del hub
    done = run(keeper, "runs", "-r", "hub:", "--hub", f"http://localhost:{web.port}/trend")
    assert done.returncode == 0, done.stderr
