"""The ASGI app of a hub: refuses requests of other sites, and passes calls and files on."""

from collections.abc import Iterable
from typing import Final

from gator_hub.web.asgi import App, Event, Receive, Scope, Send, headers_of, respond
from gator_hub.web.origin import is_cross_site_call, known_names, problem_of
from gator_hub.web.page import Page
from gator_hub.web.session_calls import PATH, SessionCalls

_CALLS: Final = "/gator.v1."
_HEADERS: Final = {
    # No inline scripts or styles, and no request to another host.
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_PAIRS: Final = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]


def web_app(connect: App, page: Page, sessions: SessionCalls, names: Iterable[str]) -> App:
    """Returns the app. `names` are those of the host under which clients reach it."""
    known = known_names(names)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def sender(event: Event) -> None:
            if event["type"] == "http.response.start":
                event = {**event, "headers": [*event["headers"], *_PAIRS]}
            await send(event)

        headers = headers_of(scope)
        is_call = scope["path"].startswith(_CALLS)
        problem = problem_of(headers, known, scope["scheme"])
        if not problem and (is_call or scope["path"] == PATH) and is_cross_site_call(headers):
            problem = "calls of other sites are refused"
        if problem:
            await respond(sender, 403, {"content-type": "text/plain"}, f"{problem}\n".encode())
        elif is_call:
            if "authorization" not in headers and (token := sessions.token_of(headers)):
                scope["headers"] = [*scope["headers"], (b"authorization", f"Bearer {token}".encode())]
            await connect(scope, receive, sender)
        elif scope["path"] == PATH:
            await sessions(scope, headers, receive, sender)
        else:
            await page(scope, sender)

    return app
