"""Tokens that come back otherwise than they were given."""

import base64
import json

import pytest

from gator.errors import UsageError
from gator.query import tokens
from gator.v1 import query_service_pb2 as qs

REQUEST = qs.ListNodesRequest(path="top")


@pytest.mark.parametrize("text", ["\ud800", 7, None, ["x"]])
def test_a_token_with_something_else_in_it_is_refused(text: object) -> None:
    made = tokens.encode(REQUEST, {"after": [1, "top/a", 0]})
    mark, place = json.loads(base64.urlsafe_b64decode(made + "=" * (-len(made) % 4)))
    assert tokens.decode(REQUEST, made, tokens.AfterNode) == tokens.AfterNode((1, "top/a", 0))
    place["after"][1] = text
    forged = base64.urlsafe_b64encode(json.dumps([mark, place]).encode()).decode()
    with pytest.raises(UsageError, match="the token is invalid"):
        tokens.decode(REQUEST, forged, tokens.AfterNode)
