import pytest

from gator.core.tokens import Audience, Tokens
from gator.errors import UnauthenticatedError
from gator.v1 import attach_pb2

TOKENS = Tokens(b"0123456789abcdef")


def test_a_token_is_the_same_for_ever() -> None:
    assert TOKENS.make(Audience.JOB, "a/b", 1) == Tokens(b"0123456789abcdef").make(Audience.JOB, "a/b", 1)


def test_a_token_is_good_for_its_own_claim_only() -> None:
    claims = [
        (Audience.CONTROL, "", 0),
        (Audience.DAEMON, "", 0),
        (Audience.JOB, "", 0),
        (Audience.JOB, "a", 1),
        (Audience.JOB, "a", 11),
        (Audience.JOB, "a1", 1),
    ]
    for made in claims:
        token = TOKENS.make(*made)
        for asked in claims:
            if made == asked:
                TOKENS.check(token, *asked)
            else:
                with pytest.raises(UnauthenticatedError):
                    TOKENS.check(token, *asked)


@pytest.mark.parametrize("token", ["", "0" * 64, "\u00e9", "x" * 10_000])
def test_rubbish_is_refused(token: str) -> None:
    with pytest.raises(UnauthenticatedError, match="attempt 2 of a"):
        TOKENS.check(token, Audience.JOB, "a", 2)


def test_another_key_makes_another_token() -> None:
    with pytest.raises(UnauthenticatedError):
        TOKENS.check(Tokens(b"f" * 16).make(Audience.CONTROL), Audience.CONTROL)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Tokens(b"short")


def test_a_hello_is_checked_by_its_role() -> None:
    client = attach_pb2.Hello(role=attach_pb2.ROLE_CLIENT, path="a", attempt=1)
    TOKENS.check_hello(TOKENS.make(Audience.JOB, "a", 1), client)
    with pytest.raises(UnauthenticatedError):
        TOKENS.check_hello(TOKENS.make(Audience.DAEMON), client)
    TOKENS.check_hello(TOKENS.make(Audience.DAEMON), attach_pb2.Hello(role=attach_pb2.ROLE_TIER))
