"""Times on the command line."""

from datetime import UTC, datetime

import pytest

from gator.cli.options.times import unix_nanos
from gator.errors import UsageError

NOW = 1_790_000_000.0
SECOND = 1_000_000_000


def test_a_span_is_that_long_ago() -> None:
    assert unix_nanos("10m", "--since", NOW) == round((NOW - 600) * SECOND)
    assert unix_nanos(None, "--since", NOW) == 0


def test_a_time_with_a_zone_is_absolute_and_one_without_is_local() -> None:
    wanted = datetime(2026, 11, 29, 20, 15, tzinfo=UTC).timestamp()
    assert unix_nanos("2026-11-29T20:15Z", "--since", NOW) == round(wanted * SECOND)
    local = datetime(2026, 11, 29, 20, 15).timestamp()
    assert unix_nanos("2026-11-29 20:15", "--since", NOW) == round(local * SECOND)


def test_a_time_without_a_day_is_of_today() -> None:
    day = datetime.fromtimestamp(NOW)
    wanted = day.replace(hour=1, minute=2, second=3, microsecond=0).timestamp()
    assert unix_nanos("01:02:03", "--until", NOW) == round(wanted * SECOND)


@pytest.mark.parametrize("text", ["soon", "", "2026-13-01", "25:00"])
def test_text_that_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--until .*: must be a time such as"):
        unix_nanos(text, "--until", NOW)
