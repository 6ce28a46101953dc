import pytest

from gator.spec import ident_problem
from gator.spec.suggestions import nearest


@pytest.mark.parametrize("ident", ["a", "T0", "a b", "sim.v2", "ü", "a" * 128, "a-b", "*", "..."])
def test_these_can_be_idents(ident: str) -> None:
    assert ident_problem(ident) is None


@pytest.mark.parametrize("ident", ["", "a" * 129, "-a", ".", "..", "a/b", "[", "]", ",", "=", "a\n", "\x7f"])
def test_these_cannot_be_idents(ident: str) -> None:
    assert ident_problem(ident) is not None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("comand", "command"),
        ("jbos", "jobs"),
        ("ENV", "env"),
        ("on_pas", "on_pass"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_a_slip_or_two_away(wrong: str, right: str | None) -> None:
    assert nearest(wrong, ["command", "jobs", "env", "on_pass", "on_done"]) == right
