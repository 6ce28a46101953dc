"""Rules by which people name causes: they merge failures with different signatures, and split one signature.

Invariant: the first rule that applies names the cause. The rules of a run are a part of its record.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from gator.core.causes.failed_tests import causes_in
from gator.core.causes.shown import shown_line
from gator.path_patterns import PathPattern
from gator.v1 import event_pb2, plan_pb2, query_pb2, spec_pb2


def root_causes(request: plan_pb2.PlanRequest) -> list[spec_pb2.CauseRule]:
    """Returns the rules at the root of a spec, and after them those of gator.toml."""
    return [*request.spec.group.causes, *request.spec.array.causes, *request.above.causes]


class CauseRules:
    """Rules in their order. Patterns are compiled when the first failure needs them."""

    def __init__(self, rules: Iterable[spec_pb2.CauseRule]) -> None:
        self.rules: Sequence[spec_pb2.CauseRule] = list(rules)
        self._compiled: list[tuple[spec_pb2.CauseRule, Any, PathPattern | None]] | None = None

    def __bool__(self) -> bool:
        return bool(self.rules)

    @property
    def fingerprint(self) -> bytes:
        """A value that differs for other rules."""
        return b"".join(rule.SerializeToString(deterministic=True) + b"\0" for rule in self.rules)

    def followed_by(self, more: "CauseRules") -> "CauseRules":
        """Returns these rules, and after them those of `more` with other names."""
        return CauseRules([*self.rules, *self.others_in(more).rules])

    def others_in(self, more: "CauseRules") -> "CauseRules":
        """Returns the rules of `more` whose names none of these rules has."""
        names = {rule.name for rule in self.rules}
        return CauseRules(rule for rule in more.rules if rule.name not in names)

    def rule_for(
        self, path: str, texts: Sequence[str], signatures: Sequence[str] = ()
    ) -> spec_pb2.CauseRule | None:
        """Returns the rule that names the cause of a failure; None if none applies.

        `texts` are forms of the first error, and one of them must match. `signatures` are those that the
        failure has or had.
        """
        match_of_rule = self._find(path, texts, signatures)
        return match_of_rule[0] if match_of_rule is not None else None

    def _find(
        self, path: str, texts: Sequence[str], signatures: Sequence[str]
    ) -> tuple[spec_pb2.CauseRule, Any] | None:
        """Returns the rule that applies and its compiled pattern; None if none applies."""
        if self._compiled is None:
            self._compiled = [_compiled(rule) for rule in self.rules]
        for rule, match, paths in self._compiled:
            if (
                (match is None or any(match.search(text) is not None for text in texts))
                and (paths is None or paths.matches(path))
                and (not rule.signatures or any(each in rule.signatures for each in signatures))
            ):
                return rule, match
        return None

    def key_of(self, path: str, result: event_pb2.Result) -> str:
        """Returns the cause of a failed job: the name that a rule gives to it, else its signature."""
        rule = self.rule_of(path, result)
        return rule.name if rule is not None else result.signature

    def rule_of(self, path: str, result: event_pb2.Result) -> spec_pb2.CauseRule | None:
        """Returns the rule that names the cause of a failed job; None if none applies."""
        return self.rule_for(path, texts_of(result), [result.signature]) if self.rules else None

    def key_of_node(self, node: query_pb2.Node) -> str:
        """Returns the cause of a failed job of a run, regardless of what other rules have named it."""
        rule = self.rule_of_node(node)
        return rule.name if rule is not None else node.signature

    def rule_of_node(self, node: query_pb2.Node) -> spec_pb2.CauseRule | None:
        """Returns the rule that names the cause of a failed job of a run; None if none applies."""
        signatures = [node.signature, *([node.former_signature] if node.former_signature else [])]
        return self.rule_for(node.path, texts_of(node), signatures) if self.rules else None

    def apply(self, node: query_pb2.Node) -> None:
        """Names the causes of a failed job."""
        if self.rules:
            self._name(node)
            self._name_tests(node)

    def apply_to_unnamed(self, node: query_pb2.Node) -> None:
        """Names the causes of a failed job that have no name."""
        if self.rules:
            if not node.cause:
                self._name(node)
            self._name_tests(node, only_unnamed=True)

    def _name_tests(self, node: query_pb2.Node, *, only_unnamed: bool = False) -> None:
        for test, one in zip(node.failed_tests.list, causes_in(node), strict=False):
            rule = None if only_unnamed and test.cause else self.rule_of_node(one)
            if rule is not None:
                test.cause, test.ticket = rule.name, rule.ticket

    def _name(self, node: query_pb2.Node) -> None:
        signatures = [node.signature, *([node.former_signature] if node.former_signature else [])]
        texts = texts_of(node)
        named = self._find(node.path, texts, signatures)
        if named is not None:
            rule, match = named
            node.cause, node.ticket = rule.name, rule.ticket
            node.cause_line = _matched_line(match, texts) if match is not None else ""


NO_RULES = CauseRules(())


def texts_of(failure: query_pb2.Node | event_pb2.Result) -> Sequence[str]:
    """Returns the strings in which rules search: the line that displays show, and the whole first error.

    Without a first error it is Gator's sentence about the failure.
    """
    error = failure.first_error
    if not error.text:
        return (failure.message,)
    shown = shown_line(error)
    return (shown,) if shown == error.text else (shown, error.text)


def _matched_line(match: Any, texts: Sequence[str]) -> str:
    """Returns the line of the whole first error with a match; empty if the shown line has it."""
    shown, *others = texts
    if match.search(shown) is not None or not others:
        return ""
    text = others[0]
    hit = match.search(text)
    return text[text.rfind("\n", 0, hit.start()) + 1 :].split("\n", 1)[0].strip() if hit else ""


def _compiled(rule: spec_pb2.CauseRule) -> tuple[spec_pb2.CauseRule, Any, PathPattern | None]:
    # `^` and `$` are the beginning and the end of a line.
    match = _re2().compile(f"(?m){rule.match}") if rule.match else None
    return rule, match, PathPattern(rule.paths) if rule.paths else None


def _re2() -> Any:
    # Most runs have no rules.
    import re2

    return cast("Any", re2)
