import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.spec import unset_names
from gator.spec.expand import ExpansionError, check_expansion, expand, names_in
from gator.v1 import spec_pb2

ENV = {"A": "1", "EMPTY": "", "LONG_NAME": "x y", "DOLLAR": "$A"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$A", "1"),
        ("${A}", "1"),
        ("<$A$A>", "<11>"),
        ("$LONG_NAME/b", "x y/b"),
        ("$Ab", ""),
        ("${A}b", "1b"),
        ("$UNSET.", "."),
        ("${UNSET:-text}", "text"),
        ("${EMPTY:-text}", "text"),
        ("${A:-text}", "1"),
        ("${UNSET-text}", "text"),
        ("${EMPTY-text}", ""),
        ("${A:+set}", "set"),
        ("${EMPTY:+set}", ""),
        ("${UNSET:=text}", "text"),
        ("${A:?missing}", "1"),
        ("${UNSET:-$A and ${A}}!", "1 and 1!"),
        ("${UNSET:-${EMPTY:-deep}}", "deep"),
        ("\\$A", "$A"),
        ("\\${A}", "${A}"),
        ("\\\\$A", "\\$A"),
        ("\\n \\", "\\n \\"),
        ("$1 $( $? $$ $", "$1 $( $? $$ $"),
        ("$$A", "$1"),
        ("$DOLLAR", "$A"),
        ("${", "${"),
        ("${A B}", "${A B}"),
        ("${X:-y", "${X:-y"),
        ("plain", "plain"),
    ],
)
def test_variables_are_put_in(text: str, expanded: str) -> None:
    assert expand(text, ENV) == expanded


def test_a_variable_that_has_to_be_set_is_missed_by_name_and_text() -> None:
    with pytest.raises(ExpansionError, match=r"\$\{UNSET:\?\}: say who"):
        expand("${UNSET:?say who}", ENV)


@pytest.mark.parametrize(
    "text", ["$A ${A} ${A:-b} \\${ ${{ seed }}", "${A:-${B}}", "$${{ x }} \\${{", "$( $? }"]
)
def test_these_texts_are_in_order(text: str) -> None:
    assert check_expansion(text) == []


@pytest.mark.parametrize(
    ("text", "offsets"), [("a ${", [2]), ("${1}", [0]), ("${A} ${B C} ${", [5, 12]), ("${A:-${1}}", [5])]
)
def test_the_position_of_a_brace_that_is_not_a_variable_is_reported(text: str, offsets: list[int]) -> None:
    found = check_expansion(text)
    assert [offset for offset, _ in found] == offsets
    assert all("write \\${" in message for _, message in found)


def test_names_that_would_leave_nothing_are_listed() -> None:
    assert names_in("$A ${B} ${C:-x} ${D:+$E} \\$F $1 ${G:?}") == ["A", "B", "E", "G"]


def test_variables_that_a_job_would_miss_are_listed_once() -> None:
    job = spec_pb2.Job(command="$TOOL", args=["$A", "$B$B", "$GATOR_SEED", "${{ seed }}"])
    assert unset_names(job, ENV) == ["TOOL", "B"]


@given(st.text("$A{}\\:-?+= b"), st.sampled_from(["$A", "", "${A}"]))
def test_any_text_is_checked_and_expanded_in_one_pass(text: str, value: str) -> None:
    check_expansion(text)
    names_in(text)
    try:
        expanded = expand(text, {"A": value})
    except ExpansionError:
        assert ":?" in text
    else:
        assert len(expanded) <= len(text) * 3 + len(text) * len(value)
