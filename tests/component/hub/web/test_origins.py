"""Requests of other sites, names of the host, and headers of responses."""

import json
import socket

import pytest

from gator_hub.web.origin import known_names, problem_of
from tests.component.hub.processes import Keeper
from tests.component.hub.web.client import Web

LIST_RUNS = "/gator.v1.HubService/ListRuns"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_requests_of_other_sites_are_refused(web: Web, headers: dict[str, str]) -> None:
    status, answered, body = web.send(LIST_RUNS, **headers)
    assert status == 403
    assert b"runs" not in body
    assert not [name for name in answered if name.lower().startswith("access-control")]


def test_a_request_for_permission_of_another_site_gets_none(web: Web) -> None:
    status, headers, _ = web.send(LIST_RUNS, None, "OPTIONS", origin="http://evil.example")
    assert (status, headers["access-control-allow-origin"]) == (403, None)


def test_the_page_of_the_same_site_may_call(web: Web) -> None:
    origin = f"http://127.0.0.1:{web.port}"
    assert web.send(LIST_RUNS, origin=origin, sec_fetch_site="same-origin")[0] == 200
    other = f"http://127.0.0.1:{web.port + 1}"
    assert web.send(LIST_RUNS, origin=other)[0] == 403


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("localhost:8081", True),
        ("LOCALHOST", True),
        ("gator.localhost:8081", True),
        ("127.0.0.1:8081", True),
        ("[::1]:8081", True),
        ("192.0.2.7", True),
        (socket.gethostname(), True),
        ("hub.example:8081", True),
        ("hub.example.:8081", True),
        ("hub.example.evil", False),
        ("localhost.evil", False),
        ("127.0.0.1.evil", False),
        ("", False),
    ],
)
def test_only_names_of_the_host_and_addresses_are_known(host: str, is_known: bool) -> None:
    assert (problem_of({"host": host}, known_names(["Hub.example"]), "http") == "") is is_known


def test_an_option_gives_the_host_a_name(keeper: Keeper) -> None:
    with keeper.hub("--web-name", "hub.example") as hub:
        web = Web(hub, keeper.token)
        assert web.send(LIST_RUNS, host="hub.example")[0] == 200
        assert web.send(LIST_RUNS, host="other.example")[0] == 403


@pytest.mark.parametrize("path", ["/", "/runs/x", "/assets/none.js", LIST_RUNS, "/../../etc/passwd"])
def test_every_response_forbids_frames_inline_scripts_and_other_hosts(web: Web, path: str) -> None:
    _, headers, _ = web.send(path, None, "GET")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_a_hub_without_http_listens_on_one_port(keeper: Keeper) -> None:
    with keeper.hub("--no-web") as hub:
        assert not [line for line in hub.greeting if "web page" in line]


def test_a_taken_port_of_http_is_refused_before_a_database_is_made(keeper: Keeper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = keeper.call("serve", "--port", "0", "--web-port", port, "--db", "new.db")
        assert done.returncode == 2
        assert f"cannot listen on 127.0.0.1:{port}: another program uses that port" in done.stderr
        assert "use another --web-port, or --no-web" in done.stderr
        assert not (keeper.folder / "new.db").exists()
    done = keeper.call("serve", "--port", "8099", "--web-port", "8099")
    assert "--web-port: HTTP needs a port other than 8099" in done.stderr


def test_http_is_served_with_the_certificate_of_the_hub(keeper: Keeper) -> None:
    import ssl
    import subprocess
    import urllib.request

    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        cwd=keeper.folder, check=True, capture_output=True,
    )  # fmt: skip
    with keeper.hub("--tls-cert", "cert.pem", "--tls-key", "key.pem") as hub:
        (line,) = [line for line in hub.greeting if "web page" in line]
        url = line.split()[2]
        assert url.startswith("https://localhost:")
        trusted = ssl.create_default_context(cafile=str(keeper.folder / "cert.pem"))
        request = urllib.request.Request(
            f"{url}gator.v1.HubService/ListRuns",
            b"{}",
            {"authorization": f"Bearer {keeper.token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, context=trusted, timeout=20) as response:
            assert json.loads(response.read()) == {}
