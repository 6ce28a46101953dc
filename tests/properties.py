"""How many examples a property test draws."""

from typing import Any

from hypothesis import settings

EXPLORE_FACTOR = 25
"""`tools/test --explore` draws this many times the usual number of examples."""


def examples(count: int, **options: Any) -> settings:
    """Returns the settings of a test that usually draws `count` examples."""
    exploring = settings.get_current_profile_name() == "explore"
    return settings(max_examples=count * (EXPLORE_FACTOR if exploring else 1), **options)
