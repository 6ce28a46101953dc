"""Expressions that are too costly to compile."""

import pytest

from gator.errors import UsageError
from gator.query.search import MOST_REPEATS, Pattern


@pytest.mark.parametrize("regex", [".{0,1000}" * 50, "a{1000}" * 6, "(?:x{3}|y{999,}){0,9}" * 6])
def test_an_expression_that_repeats_too_much_is_refused(regex: str) -> None:
    with pytest.raises(UsageError, match=f"and {MOST_REPEATS} are allowed"):
        Pattern(regex)


def test_an_expression_with_many_numbers_is_good() -> None:
    assert Pattern(r"\{9{1,3}\}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|{x}" * 20).found(b"{99}")
