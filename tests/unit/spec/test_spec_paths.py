import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gator.errors import NotFoundError, UsageError
from gator.path_patterns import PathPattern, ambiguous_path, is_glob, match, slug

PATHS = [
    "top",
    "top/inner",
    "top/inner/say_hi",
    "top/counting",
    *(f"top/counting/echo_count[{n}]" for n in range(7)),
    "top/lanes",
    "top/lanes/lane[0]/build",
    "top/lanes/lane[0]/sim[0]",
    "top/lanes/lane[1]/build",
    "top/lanes/lane[1]/sim[0]",
    "top/sim.v2",
    "top/other/top",
]


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("say_hi", "top/inner/say_hi"),
        ("inner/say_hi", "top/inner/say_hi"),
        ("/top/inner", "top/inner"),
        ("top", "top"),
        ("other/top", "top/other/top"),
        ("echo_count[2]", "top/counting/echo_count[2]"),
        ("echo_count.2", "top/counting/echo_count[2]"),
        ("counting.echo_count.2", "top/counting/echo_count[2]"),
        ("top.inner.say_hi", "top/inner/say_hi"),
        ("sim.v2", "top/sim.v2"),
        ("lane[1]/build", "top/lanes/lane[1]/build"),
        ("lane.1.build", "top/lanes/lane[1]/build"),
        ("lane[1]/sim", "top/lanes/lane[1]/sim[0]"),
    ],
)
def test_what_is_typed_means_the_one_path_that_ends_so(typed: str, path: str) -> None:
    assert match(typed, iter(PATHS)) == [path]


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("echo_count[*]", 7),
        ("counting/*", 7),
        ("**/build", 2),
        ("top/lanes/**", 5),
        ("*", len(PATHS)),
        ("/*", 1),
        ("/top/*", 4),
        ("lane[*]/sim*", 2),
        ("/**/say_hi", 1),
        ("s*", 4),
    ],
)
def test_globs_mean_any_number_of_paths(typed: str, count: int) -> None:
    assert is_glob(typed)
    assert len(match(typed, iter(PATHS))) == count


def test_what_may_be_several_lists_the_first_five() -> None:
    with pytest.raises(UsageError) as caught:
        match("echo_count", PATHS)
    listed = ", ".join(f"top/counting/echo_count[{n}]" for n in range(5))
    expected = f"'echo_count' matches 7 nodes ({listed}, …): name one of them, or its group top/counting"
    assert str(caught.value) == expected


def test_the_group_is_offered_unless_it_is_one_of_the_several() -> None:
    assert str(ambiguous_path("a", ["a", "a/a"])) == "'a' matches 2 nodes (a, a/a): name one of them"
    assert str(ambiguous_path("a[*]", ["t/a[0]", "t/a[1]"])).endswith("name one of them, or its group t")


@pytest.mark.parametrize("typed", ["say", "hi", "inner/say", "unknown*", "echo_count[9]", "/inner", "[", ""])
def test_what_means_nothing_is_told(typed: str) -> None:
    with pytest.raises(NotFoundError):
        match(typed, PATHS)


@given(st.text("ab*/.[0]", max_size=12), st.text("ab/.[0]", max_size=12))
def test_any_pattern_and_path_can_be_compared(pattern: str, path: str) -> None:
    PathPattern(pattern).matches(path)
    if path.strip("/") == path and path:
        assert PathPattern(path).level(path) == 0


_ALPHABET = r"ab.*/[]3\%_!"


@given(st.text(_ALPHABET, max_size=8), st.text(_ALPHABET, max_size=12))
@example(r"st\*r", "top/st*r[2]")
@example("run.3", "top/run[3]")
def test_sql_finds_every_path_that_a_pattern_means(pattern: str, path: str) -> None:
    wanted = PathPattern(pattern)
    for text in (path, f"b/{pattern}", pattern.replace(".3", "[3]").replace("\\", "")):
        (found,) = _DATABASE.execute("SELECT ? LIKE ? ESCAPE '!'", (text, wanted.like)).fetchone()
        assert found or not wanted.matches(text)


_DATABASE = sqlite3.connect(":memory:", check_same_thread=False)


def test_a_slug_keeps_plain_names_and_tells_others_apart() -> None:
    assert slug("say_hi.v2") == "say_hi.v2"
    assert slug("top/say_hi") == "top_say_hi-b851cf"
    assert slug("top/say[1]") != slug("top/say(1)")


@given(st.text(min_size=1))
def test_a_slug_is_always_the_name_of_a_file(path: str) -> None:
    name = slug(path.encode("utf-8", "replace").decode())
    assert 0 < len(name) < 200
    assert "/" not in name
