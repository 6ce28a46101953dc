"""Upgrades of the database of a hub."""

from gator_hub.database.schema import VERSION
from gator_hub.database.tables import ADDED, DROPPED_INDEXES


def test_additions_to_the_schema_belong_to_versions_up_to_the_one_that_is_written() -> None:
    assert max(ADDED) == VERSION
    assert max(DROPPED_INDEXES) <= VERSION
