"""Reads problem matchers of VS Code and GitHub as parsers.

Keys that only matter to an editor, such as `fileLocation` and `background`, are accepted and ignored.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null
from gator.spec.builders.recognition.named_matchers import NAMED, Matcher, Pattern
from gator.spec.builders.recognition.patterns import parser_pattern_problem
from gator.spec.builders.recognition.regexp import Regexp, RegexpError
from gator.spec.suggestions import did_you_mean
from gator.v1 import common_pb2, spec_pb2

_FIELDS: Final = {
    "file": "file",
    "location": "location",
    "line": "line",
    "column": "column",
    "character": "column",
    "severity": "severity",
    "code": "code",
    "message": "message",
}
"""Fields of a message by the keys that have the number of their group."""
_IGNORED: Final = ("kind", "endLine", "endColumn", "endCharacter", "fromPath", "name")
_SEVERITIES: Final = {
    "error": common_pb2.SEVERITY_ERROR,
    "warning": common_pb2.SEVERITY_WARNING,
    "info": common_pb2.SEVERITY_INFO,
    "notice": common_pb2.SEVERITY_INFO,
    "hint": common_pb2.SEVERITY_INFO,
}
_MAX_PATTERNS: Final = 20


def read_name(context: SpecContext, node: Node, name: str) -> spec_pb2.Parser | None:
    """Returns the parser of a matcher with a name, such as `$gcc`; None after a problem."""
    matcher = _named(context, node, name)
    return _parser("vscode", [(node, matcher)])[0] if matcher is not None else None


def read_file(context: SpecContext, root: Node, kind: str = "") -> tuple[spec_pb2.Parser, list[Node]]:
    """Returns the parser of a file with matchers, and where each entry is written.

    Without `kind` the file says whether it is GitHub's.
    """
    matchers = list(_matchers(context, root))
    if not matchers and not context.problems:
        context.problem(root, "there is no problem matcher in this file: add problemMatcher or pattern")
    return _parser(kind or _kind_of(context, root), matchers)


def _kind_of(context: SpecContext, root: Node) -> str:
    if not isinstance(root, MappingNode):
        return "vscode"
    names = context.pairs(root)
    matchers = names.get("problemMatcher")
    is_list = matchers is not None and isinstance(matchers.value, SequenceNode)
    return "github" if is_list and names.keys() <= {"problemMatcher", "$schema"} else "vscode"


def _matchers(context: SpecContext, node: Node) -> Iterator[tuple[Node, Matcher]]:
    """Yields the matchers in a tasks.json, a list of matchers, or one matcher."""
    if isinstance(node, SequenceNode):
        for item in node.value:
            yield from _matchers(context, item)
    elif isinstance(node, ScalarNode):
        matcher = _named(context, node, node.value) if not is_null(node) else None
        if matcher is not None:
            yield node, matcher
    elif isinstance(node, MappingNode):
        pairs = context.pairs(node)
        if "pattern" in pairs or "base" in pairs:
            matcher = _matcher(context, node, pairs)
            if matcher is not None:
                yield node, matcher
            return
        within = [pairs[name].value for name in ("problemMatcher", "tasks") if name in pairs]
        platforms = [pairs[name].value for name in ("linux", "osx", "windows") if name in pairs]
        for value in [*within, *platforms]:
            yield from _matchers(context, value)


def _named(context: SpecContext, node: Node, name: str) -> Matcher | None:
    matcher = NAMED.get(name.removeprefix("$"))
    if matcher is None or not name.startswith("$"):
        names = [f"${known}" for known in NAMED]
        hint = did_you_mean(name, names) or f": must be one of {', '.join(names)}"
        context.problem(node, f"unknown problem matcher '{name}'{hint}")
        return None
    return replace(matcher, owner=name[1:])


def _matcher(context: SpecContext, node: MappingNode, pairs: Mapping[str, Pair]) -> Matcher | None:
    base: Matcher | None = Matcher(())
    if "base" in pairs:
        base = _named(context, pairs["base"].value, _text(pairs, "base"))
    patterns = _patterns(context, pairs["pattern"].value) if "pattern" in pairs else None
    if base is None or (patterns is None and not base.patterns):
        return None
    severity = base.severity
    if "severity" in pairs:
        word = scalars.choice(context, pairs["severity"].value, "severity", tuple(_SEVERITIES))
        severity = _SEVERITIES[word] if word is not None else severity
    return Matcher(patterns or base.patterns, _text(pairs, "owner") or base.owner, severity)


def _text(pairs: Mapping[str, Pair], name: str) -> str:
    value = pairs[name].value if name in pairs else None
    return value.value if isinstance(value, ScalarNode) and not is_null(value) else ""


def _patterns(context: SpecContext, node: Node) -> tuple[Pattern, ...] | None:
    """Returns the patterns of a matcher; None after a problem with all of them."""
    if isinstance(node, ScalarNode):
        matcher = _named(context, node, node.value)
        return matcher.patterns if matcher is not None else None
    items = list(node.value) if isinstance(node, SequenceNode) else [node]
    if not items or len(items) > _MAX_PATTERNS:
        context.problem(node, f"'pattern' must be a list of 1 to {_MAX_PATTERNS} patterns")
        return None
    patterns = [_pattern(context, item, is_single=len(items) == 1) for item in items]
    for item, pattern in zip(items[:-1], patterns[:-1], strict=True):
        if pattern is not None and pattern.loop:
            context.problem(item, "only the last pattern can have 'loop'")
    return tuple(pattern for pattern in patterns if pattern is not None) if all(patterns) else None


def _pattern(context: SpecContext, node: Node, *, is_single: bool) -> Pattern | None:
    pairs = context.pairs(node) if isinstance(node, MappingNode) else {}
    if "regexp" not in pairs:
        context.problem(node, "a pattern requires 'regexp', the pattern of its line")
        return None
    regexp = scalars.filled_text(context, pairs["regexp"].value, "regexp")
    if regexp is None:
        return None
    fields: dict[str, int] = {}
    for name, pair in pairs.items():
        if name in _FIELDS and not is_null(pair.value):
            number = scalars.integer(context, pair.value, name, 0, 99)
            if number is not None:
                fields[_FIELDS[name]] = number
        elif name not in ("regexp", "loop", *_IGNORED, *_FIELDS):
            context.problem(
                pair.key,
                f"unknown key '{name}' in a pattern{did_you_mean(name, (*_FIELDS, 'regexp', 'loop'))}",
            )
    defaults = _defaults(fields, is_file=_text(pairs, "kind") == "file") if is_single else {}
    pattern = Pattern(regexp, fields, defaults, _text(pairs, "loop").lower() == "true")
    return pattern if _is_valid(context, pairs["regexp"].value, pattern) else None


def _is_valid(context: SpecContext, node: Node, pattern: Pattern) -> bool:
    """Returns whether a pattern can be converted; reports why not."""
    try:
        regexp = Regexp(pattern.regexp, _names(pattern.fields))
    except RegexpError as error:
        context.problem_within(node, error.part.replace("\\", "\\\\").replace('"', '\\"'), f"regexp: {error}")
        return False
    for name, number in pattern.fields.items():
        if number > regexp.groups:
            context.problem(node, f"regexp has {regexp.groups} groups, and {name} is group {number}")
            return False
    problem = parser_pattern_problem(regexp.pattern)
    if problem:
        context.problem(node, f"regexp: {problem}")
    return not problem


def _names(fields: Mapping[str, int]) -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for name, number in fields.items():
        names.setdefault(number, []).append(name)
    return names


def _parser(kind: str, matchers: list[tuple[Node, Matcher]]) -> tuple[spec_pb2.Parser, list[Node]]:
    """Returns a parser with an entry for each matcher, without repeated ones, and the nodes of these."""
    owners = {matcher.owner for _, matcher in matchers}
    owner = owners.pop() if len(owners) == 1 else ""
    parser = spec_pb2.Parser(name=f"{kind}:{owner}" if owner else kind)
    nodes: list[Node] = []
    for node, matcher in matchers:
        entry = _entry(matcher, has_defaults=kind == "vscode")
        if entry not in parser.entries:
            parser.entries.append(entry)
            nodes.append(node)
    return parser, nodes


def _entry(matcher: Matcher, *, has_defaults: bool) -> spec_pb2.ParserEntry:
    first, *following = [_converted(pattern, has_defaults=has_defaults) for pattern in matcher.patterns]
    return spec_pb2.ParserEntry(
        match=first,
        severity=matcher.severity,
        rank=spec_pb2.PARSER_RANK_CAUSE,
        then=following,
        loop=bool(following) and matcher.patterns[-1].loop,
    )


def _converted(pattern: Pattern, *, has_defaults: bool) -> str:
    fields = pattern.fields
    if has_defaults and pattern.defaults:
        groups = Regexp(pattern.regexp, {}).groups
        fields = {name: number for name, number in pattern.defaults.items() if number <= groups} | fields
    return Regexp(pattern.regexp, _names(fields)).pattern


def _defaults(fields: Mapping[str, int], *, is_file: bool) -> dict[str, int]:
    """Returns the groups that VS Code takes where a pattern of one line does not say them."""
    if is_file or "location" in fields:
        return {"file": 1, "message": 0}
    return {"file": 1, "line": 2, "column": 3, "message": 0}
