"""Expressions that are refused: too costly to compile, or wrong."""

import pytest

from gator.errors import UsageError
from gator.query.lines.search import MAX_REPEATS, Pattern


@pytest.mark.parametrize("regex", [".{0,1000}" * 50, "a{1000}" * 6, "(?:x{3}|y{999,}){0,9}" * 6])
def test_an_expression_that_repeats_too_much_is_refused(regex: str) -> None:
    with pytest.raises(UsageError, match=f"the maximum is {MAX_REPEATS}"):
        Pattern(regex)


def test_an_expression_with_many_numbers_is_good() -> None:
    assert Pattern(r"\{9{1,3}\}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|{x}" * 20).matches(b"{99}")


@pytest.mark.parametrize(
    ("regex", "fault"),
    [
        ("(", "a ( is not closed (character 1)"),
        ("(a)((b)", "a ( is not closed (character 4)"),
        (r"\([(](", "a ( is not closed (character 6)"),
        (r"\Q(\E[]()](", "a ( is not closed (character 11)"),
        ("ä(", "a ( is not closed (character 2)"),
        ("a)b", "a ) closes nothing (character 2)"),
        ("a**", "bad repetition operator ** (character 2)"),
        ("[a", "a [ is not closed (character 1)"),
        ("x[a", "a [ is not closed (character 2)"),
        (r"a\q", r"invalid escape sequence \q (character 2)"),
        ("a{2,1}a{2,1}", "invalid repetition size {2,1}"),
        ("a\\", "trailing \\"),
    ],
)
def test_a_wrong_expression_is_quoted_as_it_was_given_with_what_is_wrong_where(
    regex: str, fault: str
) -> None:
    with pytest.raises(UsageError) as raised:
        Pattern(regex)
    assert str(raised.value) == f"the regular expression {regex!r} is refused: {fault}"
