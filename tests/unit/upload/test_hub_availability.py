"""Reports about a hub that is sometimes unreachable."""

from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from gator.upload.availability import AGAIN_SECONDS, HubAvailability


def test_an_absence_is_told_once_however_long_it_is_and_the_return_once() -> None:
    news = HubAvailability()
    assert [news.on_away(float(second)) for second in range(3600)] == [True] + [False] * 3599
    assert [news.on_back() for _ in range(3)] == [True, False, False]


def test_a_hub_that_flaps_is_told_once_a_minute() -> None:
    news = HubAvailability()
    told = [(second, news.on_away(float(second)), news.on_back()) for second in range(0, 200, 4)]
    assert [second for second, away, _ in told if away] == [0, 60, 120, 180]
    assert all(away == back for _, away, back in told)


def test_a_hub_that_stays_away_after_it_was_told_to_be_back_is_told_when_it_may_be() -> None:
    news = HubAvailability()
    assert news.on_away(0.0)
    assert news.on_back()
    assert not news.on_away(10.0)
    assert news.is_kept_back
    assert news.due == AGAIN_SECONDS
    assert news.on_away(news.due)
    assert not news.is_kept_back
    assert news.on_back()


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans())))
def test_what_is_told_alternates_and_absences_are_apart(steps: list[tuple[int, bool]]) -> None:
    news, now, told = HubAvailability(), 0.0, list[tuple[float, str]]()
    for pause, away in steps:
        if news.is_kept_back and now <= news.due <= now + pause and news.on_away(news.due):
            told.append((news.due - AGAIN_SECONDS, "away"))
        now += pause
        if away and news.on_away(now):
            told.append((now, "away"))
        elif not away and news.on_back():
            told.append((now, "back"))
    words = [word for _, word in told]
    assert words == (["away", "back"] * len(words))[: len(words)]
    times = [at for at, word in told if word == "away"]
    assert all(after - before >= AGAIN_SECONDS for before, after in pairwise(times))
