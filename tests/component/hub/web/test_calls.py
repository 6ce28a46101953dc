"""Calls with one answer over HTTP, as curl sends them."""

import base64
import gzip
import json

import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from gator.v1 import hub_service_pb2 as hs
from gator.v1 import query_service_pb2 as qs
from tests.component.hub.ingest.ingesting import RUN
from tests.component.hub.web.client import Web

LIST_RUNS = "/gator.v1.HubService/ListRuns"
BINARY = "application/proto"


@pytest.mark.usefixtures("end_run")
def test_json_and_binary_have_the_same_answer(web: Web) -> None:
    (run,) = web.call("HubService/ListRuns", {"ident": "top"})["runs"]
    assert (run["id"], run["user"], run["tally"]["passed"]) == (RUN, "ada", "29")
    request = hs.ListRunsRequest(ident="top").SerializeToString()
    status, headers, body = web.send(LIST_RUNS, request, content_type=BINARY)
    assert (status, headers["content-type"]) == (200, BINARY)
    assert [found.id for found in hs.ListRunsResponse.FromString(body).runs] == [RUN]


@pytest.mark.usefixtures("end_run")
def test_large_answers_are_compressed_for_those_who_accept_it(web: Web) -> None:
    path = "/gator.v1.QueryService/ListNodes"
    request = qs.ListNodesRequest(run=RUN).SerializeToString()
    _, headers, plain = web.send(path, request, content_type=BINARY)
    assert headers["content-encoding"] is None
    _, headers, packed = web.send(path, request, content_type=BINARY, accept_encoding="br, gzip;q=0.5")
    assert headers["content-encoding"] == "gzip"
    assert len(packed) < len(plain) / 2
    assert len(qs.ListNodesResponse.FromString(gzip.decompress(packed)).nodes) == 30
    _, headers, _ = web.send(path, request, content_type=BINARY, accept_encoding="gzip;q=0")
    assert headers["content-encoding"] is None


def test_compressed_requests_are_read(web: Web) -> None:
    packed = gzip.compress(b'{"ident": "top"}')
    status, _, body = web.send(LIST_RUNS, packed, content_encoding="gzip")
    assert (status, body) == (200, b"{}")
    status, _, body = web.send(LIST_RUNS, b"not gzip", content_encoding="gzip")
    assert (status, json.loads(body)["code"]) == (400, "invalid_argument")
    status, _, body = web.send(LIST_RUNS, packed[:-4], content_encoding="gzip")
    assert (status, "incomplete" in json.loads(body)["message"]) == (400, True)


def test_a_request_that_becomes_too_large_when_decompressed_is_refused(web: Web) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    status, _, body = web.send(LIST_RUNS, bomb, content_encoding="gzip")
    assert (status, json.loads(body)["code"]) == (429, "resource_exhausted")


def test_errors_have_code_message_and_details(web: Web) -> None:
    status, _, body = web.send("/gator.v1.QueryService/GetRun", b'{"run": "none"}')
    error = json.loads(body)
    assert (status, error["code"]) == (404, "not_found")
    assert "there is no run 'none'" in error["message"]
    (detail,) = error["details"]
    assert detail["type"] == "google.rpc.ErrorInfo"
    assert ErrorInfo.FromString(base64.b64decode(detail["value"] + "==")).reason == "NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "is not a gator.v1.ListRunsRequest"),
        (b"[" * 100_000, "is not a gator.v1.ListRunsRequest"),
        (b"\xff", "is not a gator.v1.ListRunsRequest"),
        (b'{"idnt": "top"}', 'has no field named "idnt"'),
        (b'{"page_token": "x"}', "token"),
    ],
    ids=["cut", "deep", "no UTF-8", "unknown field", "token"],
)
def test_a_wrong_request_is_refused_with_the_reason(web: Web, body: bytes, words: str) -> None:
    status, _, answer = web.send(LIST_RUNS, body)
    assert (status, json.loads(answer)["code"]) == (400, "invalid_argument")
    assert words in json.loads(answer)["message"]


def test_an_empty_body_is_an_empty_request(web: Web) -> None:
    assert web.send(LIST_RUNS, b"")[::2] == (200, b"{}")


def test_bytes_that_are_not_a_message_are_refused(web: Web) -> None:
    status, _, body = web.send(LIST_RUNS, b"\xff\xff", content_type=BINARY)
    assert (status, json.loads(body)["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize("length", [None, "exact"])
def test_a_request_that_is_too_large_is_refused(web: Web, length: str | None) -> None:
    data = b" " * (17 * 1024 * 1024)
    body = iter([data]) if length is None else data
    try:
        status, _, answer = web.send(LIST_RUNS, body)
    except (BrokenPipeError, ConnectionResetError):
        return  # The hub closed the connection before it had read all.
    assert (status, json.loads(answer)["code"]) == (429, "resource_exhausted")


def test_a_call_needs_a_token(web: Web) -> None:
    for token in ("", "wrong-token-0123456789"):
        web.token = token
        status, _, body = web.send(LIST_RUNS)
        assert (status, json.loads(body)["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"connect_protocol_version": "2"}, "invalid_argument"),
        ({"connect_timeout_ms": "soon"}, "invalid_argument"),
        ({"connect_timeout_ms": "12345678901"}, "invalid_argument"),
        ({"content_encoding": "br"}, "unimplemented"),
    ],
)
def test_headers_that_do_not_conform_are_refused(web: Web, headers: dict[str, str], code: str) -> None:
    _, _, body = web.send(LIST_RUNS, **headers)
    assert json.loads(body)["code"] == code


def test_a_call_that_takes_longer_than_its_deadline_ends(web: Web) -> None:
    status, _, body = web.send(LIST_RUNS, connect_timeout_ms="0")
    assert (status, json.loads(body)["code"]) == (504, "deadline_exceeded")
    assert web.send(LIST_RUNS, connect_timeout_ms="60000", connect_protocol_version="1")[0] == 200


def test_other_methods_paths_and_types_have_the_status_of_http(web: Web) -> None:
    status, headers, _ = web.send(LIST_RUNS, None, method="GET")
    assert (status, headers["allow"]) == (405, "POST")
    status, headers, _ = web.send(LIST_RUNS, content_type="text/plain")
    assert (status, headers["accept-post"]) == (415, "application/proto, application/json")
    status, headers, _ = web.send("/gator.v1.QueryService/WatchRun")
    assert (status, headers["accept-post"]) == (415, "application/connect+proto, application/connect+json")
    for path in ("/gator.v1.HubService/Nothing", "/gator.v1.ParentService/Attach"):
        status, _, body = web.send(path)
        assert (status, json.loads(body)["code"]) == (404, "unimplemented")
    assert web.send(LIST_RUNS, content_type="application/json; charset=utf-8")[0] == 200
