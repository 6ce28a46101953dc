"""Opens the web page of a hub in the browser, signed in by a code that is good once."""

import os
import sys
import webbrowser

from gator.cli import output
from gator.cli.runs import hub_client
from gator.cli.runs.hub_choice import PREFIX, HubChoice
from gator.hub_access.address import split
from gator.v1 import hub_service_pb2 as hs
from gator.v1 import hub_service_pb2_grpc


def open_page(view: str, choice: HubChoice, *, only_print: bool) -> None:
    """Opens a view: a path of the page, or the name of a run. Prints the link if there is no browser."""
    with hub_client.connect(choice) as hub:
        path = view if view.startswith("/") else f"/run/{hub.find(view.removeprefix(PREFIX)).id}"
        stub = hub_service_pb2_grpc.HubServiceStub(hub.peer.channel)
        code = hub.peer.call(stub.CreateSignInCode, hs.CreateSignInCodeRequest())
    link = _link(choice.access().address, path, code)
    if not only_print and open_link(link):
        output.echo(f"opened {link.partition('#')[0]}")
        return
    output.echo(link)


def _link(address: str, path: str, code: hs.CreateSignInCodeResponse) -> str:
    """Returns the link to a view, on the host of the hub."""
    host, _ = split(address) if not address.startswith("unix:") else ("localhost", 0)
    scheme = "https" if code.is_secure else "http"
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{code.web_port}{path}#code={code.code}"


def open_link(link: str) -> bool:
    """Opens a link in a browser with a window. Returns False if there is none."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # Browsers of text would take the terminal.
    if isinstance(browser, webbrowser.GenericBrowser) and not isinstance(
        browser, webbrowser.BackgroundBrowser
    ):
        return False
    if sys.platform.startswith("linux") and not _has_display():
        return False
    return browser.open(link)


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER"))
