"""Reads the rules for causes of a request."""

from collections.abc import Sequence
from typing import Final

from gator.core.history.cause_rules import CauseRules
from gator.errors import UsageError
from gator.v1 import spec_pb2

MAX_RULES: Final = 1000
"""Maximum number of rules in a request, because each failure is compared with all of them."""


def checked_rules(rules: Sequence[spec_pb2.CauseRule]) -> CauseRules:
    """Returns the rules of a request. Raises UsageError if one cannot be applied."""
    if not rules:
        return CauseRules(())
    if len(rules) > MAX_RULES:
        raise UsageError(f"{len(rules):,} rules for causes were given; the maximum is {MAX_RULES:,}")
    from gator.spec.cause_names import name_problem
    from gator.spec.patterns import pattern_problem

    for rule in rules:
        if problem := name_problem(rule.name) or (pattern_problem(rule.match) if rule.match else ""):
            raise UsageError(f"a rule for causes cannot be applied: {problem}")
    return CauseRules(rules)
