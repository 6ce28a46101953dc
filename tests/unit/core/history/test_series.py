"""Selections in their normal form, and the runs that belong together by them."""

from gator.core.history.series import (
    WHOLE,
    is_of,
    key_of,
    may_lack,
    normal,
    options_of,
    representative,
    selection_of,
)
from gator.v1 import query_pb2

SMOKE = selection_of([], [], ["smoke"])


def test_the_order_of_options_and_repetitions_make_no_difference() -> None:
    one = selection_of(["b", "a", "b"], ["x"], ["t", "s"])
    other = selection_of(["a", "b"], ["x", "x"], ["s", "t"])
    assert one == other
    assert key_of(one) == key_of(other)
    assert key_of(query_pb2.Selection(only=["b", "a", "a"])) == key_of(selection_of("ab", [], []))
    assert normal(query_pb2.Selection(tags=["t", "s"])) == selection_of([], [], "st")


def test_spellings_of_a_letter_make_no_difference() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert selection_of([composed], [composed], [composed]) == selection_of(
        [decomposed, composed], [decomposed], [decomposed]
    )
    assert key_of(query_pb2.Selection(tags=[decomposed])) == key_of(query_pb2.Selection(tags=[composed]))


def test_selections_that_choose_otherwise_differ() -> None:
    keys = {
        key_of(selection_of(*lists)) for lists in (("a", "", ""), ("", "a", ""), ("", "", "a"), ("b", "", ""))
    }
    assert len(keys) == 4
    assert "" not in keys
    assert key_of(selection_of([], [], [])) == "" == key_of(WHOLE)


def test_a_selection_is_told_as_options_that_a_shell_takes() -> None:
    assert options_of(WHOLE) == ""
    assert options_of(selection_of(["top/*"], ["x"], ["t"])) == "--only 'top/*' --tag t --skip x"


def run(selection: query_pb2.Selection = WHOLE, parent: str = "") -> query_pb2.Run:
    return query_pb2.Run(selection=selection, parent=parent)


def test_a_repeat_belongs_to_no_series() -> None:
    assert is_of(run(), WHOLE)
    assert not is_of(run(SMOKE), WHOLE)
    assert is_of(run(SMOKE), SMOKE)
    assert not is_of(run(parent="a"), WHOLE)


def test_an_ident_means_the_newest_run_of_the_whole_spec() -> None:
    runs = [run(parent="a"), run(SMOKE), run(), run()]
    assert representative(runs) is runs[2]
    assert representative(runs[:2]) is runs[1]
    assert representative(runs[:1]) is runs[0]
    assert representative([]) is None


def test_a_run_may_lack_jobs_that_it_did_not_select() -> None:
    whole, smoke, repeat = run(), run(SMOKE), run(parent="a")
    assert not may_lack(whole, smoke)
    assert not may_lack(whole, repeat)
    assert not may_lack(smoke, run(SMOKE))
    assert may_lack(smoke, whole)
    assert may_lack(repeat, whole)
    assert may_lack(repeat, run(parent="b"))
    assert may_lack(smoke, run(SMOKE, parent="a"))
    assert not may_lack(repeat, run(parent="a"))
