"""Calls with a stream of answers over HTTP."""

import gzip
import json
from collections.abc import Callable

import pytest

from tests.component.hub.ingest.ingesting import RUN
from tests.component.hub.processes import Hub
from tests.component.hub.web.client import Web, frame, framed

WATCH = "QueryService/WatchRun"
STREAM = "application/connect+json"
END = 2


def test_a_stream_sends_changes_and_its_end(web: Web, end_run: Callable[[], None]) -> None:
    with web.stream(WATCH, {"run": RUN}) as response:
        assert (response.status, response.headers["content-type"]) == (200, STREAM)
        flags, data = frame(response)
        assert (flags, json.loads(data)["run"]["tally"]) == (0, {"passed": "29", "failed": "1"})
        end_run()
        last: dict[str, dict[str, str]] = {}
        flags, data = frame(response)
        while flags == 0:
            last = json.loads(data)
            flags, data = frame(response)
        assert last["run"]["state"] == "RUN_STATE_ENDED"
        assert (flags, json.loads(data), response.read()) == (END, {}, b"")


@pytest.mark.usefixtures("end_run")
def test_a_stream_continues_after_its_resume_token(web: Web) -> None:
    request = {"run": RUN, "filter": {"prefix": "top"}}
    with web.stream("QueryService/WatchEvents", request, connect_timeout_ms="20000") as response:
        token = json.loads(frame(response)[1])["resumeToken"]
    with web.stream(
        "QueryService/WatchEvents", {**request, "resumeToken": token}, connect_timeout_ms="300"
    ) as response:
        flags, data = frame(response)
        while flags == 0:
            assert json.loads(data).get("events", []) == []
            flags, data = frame(response)
        assert json.loads(data)["error"]["code"] == "deadline_exceeded"


@pytest.mark.usefixtures("end_run")
def test_messages_of_a_stream_are_compressed_for_those_who_accept_it(web: Web) -> None:
    with web.stream(
        "QueryService/WatchEvents", {"run": RUN}, connect_accept_encoding="gzip", connect_timeout_ms="20000"
    ) as response:
        assert response.headers["connect-content-encoding"] == "gzip"
        flags, data = frame(response)
        assert flags == 1
        assert json.loads(gzip.decompress(data))["events"]


def test_an_error_is_the_end_of_the_stream(web: Web) -> None:
    with web.stream(WATCH, {"run": "none"}) as response:
        assert response.status == 200
        flags, data = frame(response)
        assert (flags, json.loads(data)["error"]["code"]) == (END, "not_found")
    web.token = ""
    with web.stream(WATCH, {"run": RUN}) as response:
        assert json.loads(frame(response)[1])["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        framed(b"{}") + framed(b"{}"),
        framed(b"{}")[:-1],
        framed(gzip.compress(b"{}"), 1),
        framed(b"{}", 2),
    ],
    ids=["empty", "no prefix", "two", "cut", "compressed", "end"],
)
def test_a_body_other_than_one_message_is_refused(web: Web, body: bytes) -> None:
    status, _, answer = web.send(f"/gator.v1.{WATCH}", body, content_type=STREAM)
    assert (status, answer[0]) == (200, END)
    assert json.loads(answer[5:])["error"]["code"] == "invalid_argument"


def test_a_compressed_request_is_read(web: Web) -> None:
    body = framed(gzip.compress(b'{"run": "none"}'), 1)
    _, _, answer = web.send(f"/gator.v1.{WATCH}", body, content_type=STREAM, connect_content_encoding="gzip")
    assert json.loads(answer[5:])["error"]["code"] == "not_found"


@pytest.mark.usefixtures("end_run")
def test_a_client_that_goes_gives_its_place_back(web: Web) -> None:
    """A token has 192 places for streams."""
    for _ in range(200):
        with web.stream(WATCH, {"run": RUN}) as response:
            assert frame(response)[0] == 0


@pytest.mark.usefixtures("end_run")
def test_a_stop_of_the_hub_ends_streams_with_the_reason(web: Web, hub: Hub) -> None:
    with web.stream(WATCH, {"run": RUN}) as response:
        assert frame(response)[0] == 0
        assert hub.end() == 0
        flags, data = frame(response)
        assert (flags, json.loads(data)["error"]["code"]) == (END, "unavailable")
    assert not hub.logged("ERROR")
