"""The time that is left."""

from gator.console.eta import EtaEstimator


def test_nothing_is_said_before_a_few_jobs_have_ended():
    pace = EtaEstimator(100.0)
    assert pace.left(200.0, 10) is None
    pace.note(110.0, 2)
    assert pace.left(110.0, 10) is None
    pace.note(115.0, 3)
    assert pace.left(115.0, 10) == 50.0


def test_nothing_is_said_within_the_first_second_nor_when_nothing_is_ahead():
    pace = EtaEstimator(100.0)
    pace.note(100.5, 50)
    assert pace.left(100.5, 10) is None
    assert pace.left(102.0, 0) is None


def test_only_the_recent_past_counts():
    pace = EtaEstimator(0.0)
    for second in range(1, 101):
        pace.note(float(second), second)
    for second in range(101, 201):
        pace.note(float(second), 100 + (second - 100) * 10)
    left = pace.left(200.0, 1000)
    assert left is not None
    assert 90 < left < 110


def test_the_estimate_grows_while_nothing_ends():
    pace = EtaEstimator(0.0)
    pace.note(10.0, 10)
    before, after = pace.left(10.0, 10), pace.left(60.0, 10)
    assert before is not None
    assert after is not None
    assert after > before


def test_memory_is_bounded():
    pace = EtaEstimator(0.0)
    for tenth in range(1, 100_000):
        pace.note(tenth / 10, tenth * 90)
    assert pace.moments < 100
