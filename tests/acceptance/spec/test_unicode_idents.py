"""Idents that look the same are the same, however their characters are put together."""

from tests.acceptance.support import Gator

ONE = "caf\u00e9"
"""The last letter is one character."""
TWO = "cafe\u0301"
"""The last letter is two characters."""


def test_siblings_that_differ_only_in_their_normal_form_are_refused(gator: Gator) -> None:
    jobs = "".join(f"- !Job {{ident: {ident}, command: 'true'}}\n" for ident in (ONE, TWO))
    spec = gator.spec(f"!JobGroup\nident: top\njobs:\n{jobs}")
    said = gator("check", spec).expect(2)
    assert f"the ident '{ONE}' is taken by a sibling, on line 4" in said.out + said.err


def test_a_node_is_found_in_either_form(gator: Gator) -> None:
    spec = gator.spec(
        f"!JobGroup\nident: {TWO}\njobs:\n- !Job {{ident: {TWO}, command: 'false'}}\n"
        f"- !Job {{ident: after, command: 'true', on_fail: {ONE}}}\n"
    )
    gator("run", spec, "--limit-error", "none").expect(1)
    for ident in (ONE, TWO):
        assert f"{ONE}/{ONE}" in gator("show", f"{ident}/{ident}", "-r", ident).expect(0).out
        assert f"{ONE}/{ONE}" in gator("failures", f"**/{ident}").expect(0).out
        planned = gator("plan", spec, "--only", f"/{ident}/{ident}").expect(0).out
        assert f"\u2500 {ONE} " in planned
        assert "after" not in planned
        assert "0 of 1 passed" in gator("trend", ident).expect(0).out
