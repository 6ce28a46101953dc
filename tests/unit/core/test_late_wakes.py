"""A process that did not run is told from one that is busy, and several of them from each other."""

from gator.core.late_wakes import LateWakeDetector, LateWakes

SECOND = 1_000_000_000


def test_a_wake_up_in_time_is_not_late():
    detector = LateWakeDetector()
    detector.on_wake(10 * SECOND)
    detector.expect(11 * SECOND)
    assert detector.on_wake(11 * SECOND) == 0
    detector.expect(12 * SECOND)
    assert detector.on_wake(14 * SECOND) == 0


def test_a_late_wake_up_counts_from_when_the_process_was_last_seen():
    detector = LateWakeDetector()
    detector.on_wake(10 * SECOND)
    detector.expect(11 * SECOND)
    assert detector.on_wake(17 * SECOND) == 7 * SECOND


def test_a_late_wake_up_counts_once():
    detector = LateWakeDetector()
    detector.on_wake(10 * SECOND)
    detector.expect(11 * SECOND)
    assert detector.on_wake(17 * SECOND) == 7 * SECOND
    assert detector.on_wake(17 * SECOND + 1) == 0
    detector.expect(18 * SECOND)
    assert detector.on_wake(21 * SECOND) == 3 * SECOND - 1 + SECOND


def test_a_process_whose_timer_waits_for_long_work_has_run():
    detector = LateWakeDetector()
    detector.on_wake(10 * SECOND)
    detector.expect(11 * SECOND)
    assert detector.on_wake(12 * SECOND) == 0
    assert detector.on_wake(13 * SECOND) == 0
    assert detector.on_wake(19 * SECOND) == 6 * SECOND


def test_a_process_that_waits_for_nothing_is_never_late():
    detector = LateWakeDetector()
    detector.on_wake(10 * SECOND)
    assert detector.on_wake(100 * SECOND) == 0
    detector.expect(101 * SECOND)
    detector.on_wake(101 * SECOND)
    detector.expect(None)
    assert detector.on_wake(200 * SECOND) == 0


def test_reports_of_the_same_time_are_one():
    reports = LateWakes()
    assert reports.is_new(20 * SECOND, 7 * SECOND)
    assert not reports.is_new(21 * SECOND, 7 * SECOND)
    assert not reports.is_new(22 * SECOND, 5 * SECOND)
    assert reports.is_new(40 * SECOND, 5 * SECOND)
