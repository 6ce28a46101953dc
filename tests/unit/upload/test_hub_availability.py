"""Reports about a hub that is sometimes unreachable."""

from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from gator.upload.availability import REPORT_INTERVAL_SECONDS, HubAvailability


def test_an_absence_is_told_once_however_long_it_is_and_the_return_once() -> None:
    availability = HubAvailability()
    assert [availability.on_away(float(second)) for second in range(3600)] == [True] + [False] * 3599
    assert [availability.on_back() for _ in range(3)] == [True, False, False]


def test_a_hub_that_flaps_is_told_once_a_minute() -> None:
    availability = HubAvailability()
    told = [
        (second, availability.on_away(float(second)), availability.on_back()) for second in range(0, 200, 4)
    ]
    assert [second for second, away, _ in told if away] == [0, 60, 120, 180]
    assert all(away == back for _, away, back in told)


def test_a_hub_that_stays_away_after_it_was_told_to_be_back_is_told_when_it_may_be() -> None:
    availability = HubAvailability()
    assert availability.on_away(0.0)
    assert availability.on_back()
    assert not availability.on_away(10.0)
    assert availability.is_unreported
    assert availability.due == REPORT_INTERVAL_SECONDS
    assert availability.on_away(availability.due)
    assert not availability.is_unreported
    assert availability.on_back()


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans())))
def test_what_is_told_alternates_and_absences_are_apart(steps: list[tuple[int, bool]]) -> None:
    availability, now, told = HubAvailability(), 0.0, list[tuple[float, str]]()
    for pause, away in steps:
        if (
            availability.is_unreported
            and now <= availability.due <= now + pause
            and availability.on_away(availability.due)
        ):
            told.append((availability.due - REPORT_INTERVAL_SECONDS, "away"))
        now += pause
        if away and availability.on_away(now):
            told.append((now, "away"))
        elif not away and availability.on_back():
            told.append((now, "back"))
    errors = [word for _, word in told]
    assert errors == (["away", "back"] * len(errors))[: len(errors)]
    times = [at for at, word in told if word == "away"]
    assert all(after - before >= REPORT_INTERVAL_SECONDS for before, after in pairwise(times))
