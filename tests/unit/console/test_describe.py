"""Texts for commits."""

import pytest

from gator.console import describe
from gator.v1 import query_pb2


@pytest.mark.parametrize(
    ("good", "bad", "text"),
    [
        (("a" * 40, False), ("a" * 40, False), "both at commit aaaaaaaa"),
        (("a" * 40, True), ("a" * 40, True), "both at commit aaaaaaaa with changes"),
        (("a" * 40, False), ("a" * 40, True), "both at commit aaaaaaaa, now with changes"),
        (("a" * 40, True), ("a" * 40, False), "both at commit aaaaaaaa, before that with changes"),
        (("a" * 40, False), ("b" * 40, True), "commits aaaaaaaa..bbbbbbbb with changes"),
        (("", False), ("b" * 40, True), ""),
    ],
)
def test_the_commits_of_two_runs_say_which_of_them_had_changes(
    good: tuple[str, bool], bad: tuple[str, bool], text: str
) -> None:
    first, second = (query_pb2.Git(commit=commit, dirty=dirty) for commit, dirty in (good, bad))
    assert describe.commits(first, second) == text
