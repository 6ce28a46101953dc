"""The HTTP calls by which a browser signs in with a code, and the cookie of its session.

Invariant: a cookie counts only for a request that a browser declares to be of the page itself.
"""

import json
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

import msgspec

from gator_hub.web.asgi import Headers, Receive, Scope, Send, respond
from gator_hub.web.sessions import Sessions

PATH: Final = "/session"
_MAX_BYTES: Final = 1024
_JSON: Final = {"content-type": "application/json", "cache-control": "no-store"}


class _SignIn(msgspec.Struct):
    code: str


class SessionCalls:
    """`GET` says whether the browser is signed in, `POST` signs in by a code, `DELETE` signs out."""

    def __init__(self, sessions: Sessions, port: int, *, is_secure: bool) -> None:
        self._sessions, self._is_secure = sessions, is_secure
        # Cookies are those of a host; several hubs on it must not take each other's.
        self._name = f"gator_session_{port}"

    async def __call__(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Serves one request."""
        match scope["method"]:
            case "GET":
                signed_in = bool(self.token_of(headers))
                await respond(send, 200, _JSON, json.dumps({"signedIn": signed_in}).encode())
            case "POST":
                session = self._sessions.redeem(_code_in(await _body(receive)))
                if session:
                    await respond(send, 204, {**_JSON, "set-cookie": self._cookie(session)})
                else:
                    await respond(send, 403, _JSON, b'{"message": "the code is not good, or was used"}')
            case "DELETE":
                self._sessions.end(self._session_in(headers))
                await respond(send, 204, {**_JSON, "set-cookie": f"{self._cookie('')}; Max-Age=0"})
            case _:
                await respond(send, 405, {"allow": "GET, POST, DELETE"})

    def token_of(self, headers: Headers) -> str:
        """Returns the token of the session of a request of the page; empty if it has none."""
        is_own = headers.get("sec-fetch-site") == "same-origin" or "origin" in headers
        session = self._session_in(headers) if is_own else ""
        return self._sessions.token_of(session) if session else ""

    def _session_in(self, headers: Headers) -> str:
        try:
            # Several headers of cookies are joined by commas here.
            cookies: Mapping[str, object] = SimpleCookie(headers.get("cookie", "").replace(",", ";"))
        except CookieError:
            return ""
        cookie = cookies.get(self._name)
        return str(getattr(cookie, "value", ""))

    def _cookie(self, session: str) -> str:
        secure = "; Secure" if self._is_secure else ""
        return f"{self._name}={session}; Path=/; HttpOnly; SameSite=Strict{secure}"


async def _body(receive: Receive) -> bytes:
    """Returns the body of a request, or its beginning if it is too large."""
    body = b""
    while len(body) <= _MAX_BYTES:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    return body


def _code_in(body: bytes) -> str:
    """Returns the code in the body of a request; empty if there is none."""
    try:
        return msgspec.json.decode(body, type=_SignIn).code
    except msgspec.DecodeError:
        return ""
