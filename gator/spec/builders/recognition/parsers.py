"""Reads parsers: the `parsers` of a level, and files with the entries of one."""

from typing import Final

from msgspec import Struct, field
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gator.errors import UserError
from gator.spec import keys
from gator.spec.builders import scalars
from gator.spec.builders.context import Pair, SpecContext, is_null
from gator.spec.builders.recognition import matchers
from gator.spec.builders.recognition.patterns import parser_pattern_problem
from gator.spec.suggestions import did_you_mean
from gator.v1 import common_pb2, spec_pb2

SEVERITIES: Final = {
    "info": common_pb2.SEVERITY_INFO,
    "warning": common_pb2.SEVERITY_WARNING,
    "error": common_pb2.SEVERITY_ERROR,
    "critical": common_pb2.SEVERITY_CRITICAL,
}
RANKS: Final = {
    "cause": spec_pb2.PARSER_RANK_CAUSE,
    "report": spec_pb2.PARSER_RANK_REPORT,
    "general": spec_pb2.PARSER_RANK_GENERAL,
    "consequence": spec_pb2.PARSER_RANK_CONSEQUENCE,
}


class Example(Struct):
    """A string, and the fields of the message that a parser has to recognise in it."""

    node: Node
    text: str
    fields: dict[str, str] = field(default_factory=dict[str, str])


class ParserFile(Struct):
    """The content of a file with a parser."""

    parser: spec_pb2.Parser
    about: str = ""
    precedence: int = 50
    """Parsers with a smaller number are tried first."""
    examples: list[list[Example]] = field(default_factory=list[list[Example]])
    """Examples of each entry."""
    nodes: list[Node] = field(default_factory=list[Node])
    """Where each entry is written."""
    others: list[Example] = field(default_factory=list[Example])
    """Strings in which nothing may be recognised."""


def read_parsers(context: SpecContext, value: Node) -> spec_pb2.Parsers | None:
    """Returns the parsers in the value of `parsers`; None after a problem with the value as a whole."""
    if isinstance(value, ScalarNode):
        items = [value]
    elif isinstance(value, SequenceNode) and context.standard(value):
        items = list(value.value)
    else:
        context.problem(
            value, "'parsers' must be a list, such as [uvm] or [{match: PATTERN, severity: error}]"
        )
        return None
    parsers = spec_pb2.Parsers()
    for item in items:
        with context.naming(item):
            parser = _one(context, item)
        if parser is not None:
            parsers.list.append(parser)
    return parsers


def _one(context: SpecContext, node: Node) -> spec_pb2.Parser | None:
    if isinstance(node, MappingNode):
        pairs = context.pairs(node)
        if "entries" in pairs:
            return read_file(context, node).parser
        for kind in keys.MATCHERS:
            if kind in pairs:
                return _matchers(context, node, kind, pairs)
        entry = _entry(context, node, None)
        return spec_pb2.Parser(name="spec", entries=[entry]) if entry is not None else None
    name = scalars.filled_text(context, node, "a parser")
    if name is None or not scalars.has_no_placeholder(context, node, name, "parsers"):
        return None
    if not keys.is_parser_file(name):
        return spec_pb2.Parser(name=name) if name in keys.PARSERS else _installed(context, node, name)
    root = context.read_yaml(node, name)
    if root is None:
        return None
    return read_root(context, root, name).parser


def _installed(context: SpecContext, node: Node, name: str) -> spec_pb2.Parser | None:
    """Returns the parser of an installed package, under its name; None after a problem."""
    try:
        path = context.find_parser(name)
    except UserError as error:
        context.problem(node, str(error))
        return None
    if path is None:
        hint = did_you_mean(name, keys.PARSERS) or f": must be one of {', '.join(keys.PARSERS)}"
        context.problem(node, f"unknown parser '{name}'{hint}")
        return None
    root = context.read_yaml(node, path)
    if root is None:
        return None
    parser = read_root(context, root, path).parser
    parser.name = name
    return parser


def _matchers(
    context: SpecContext, node: MappingNode, kind: str, pairs: dict[str, Pair]
) -> spec_pb2.Parser | None:
    """Returns the parser of a file with problem matchers, or of one with a name."""
    for name, pair in pairs.items():
        if name != kind:
            context.problem(pair.key, f"unknown key '{name}' in {{{kind}: FILE}}")
    value = pairs[kind].value
    name = scalars.filled_text(context, value, kind)
    if name is None or not scalars.has_no_placeholder(context, value, name, "parsers"):
        return None
    if name.startswith("$") and kind == "vscode":
        return matchers.read_name(context, value, name)
    root = context.read_yaml(value, name)
    return matchers.read_file(context, root, kind)[0] if root is not None else None


def read_root(context: SpecContext, root: Node, file: str) -> ParserFile:
    """Returns the parser in a file: problem matchers if it is JSON, else entries."""
    if not file.endswith(keys.MATCHER_SUFFIXES):
        return read_file(context, root)
    parser, nodes = matchers.read_file(context, root)
    return ParserFile(parser, nodes=nodes, examples=[[] for _ in nodes])


def read_file(context: SpecContext, root: Node) -> ParserFile:
    """Returns the parser in a file, as far as it has no problems."""
    parsed = ParserFile(spec_pb2.Parser(name="spec"))
    if not isinstance(root, MappingNode):
        context.problem(root, "a parser must be a mapping with 'name' and 'entries'")
        return parsed
    pairs = _known(context, root, keys.PARSER_KEYS, "a parser")
    if "name" in pairs:
        parsed.parser.name = scalars.filled_text(context, pairs["name"].value, "name") or "spec"
        if parsed.parser.name == "auto":
            context.problem(pairs["name"].value, "auto names all built-in parsers: choose another name")
    if "about" in pairs:
        parsed.about = scalars.text(context, pairs["about"].value, "about") or ""
    if "precedence" in pairs:
        number = scalars.integer(context, pairs["precedence"].value, "precedence", 0, 1000)
        parsed.precedence = number if number is not None else parsed.precedence
    if "others" in pairs:
        parsed.others = _examples(context, pairs["others"].value, "others")
    if "entries" not in pairs or not isinstance(pairs["entries"].value, SequenceNode):
        at = pairs["entries"].value if "entries" in pairs else root
        context.problem(at, "'entries' must be a list, with - match: PATTERN for each kind of message")
        return parsed
    if not pairs["entries"].value.value:
        context.problem(pairs["entries"].value, "'entries' is empty: write - match: PATTERN")
    for node in pairs["entries"].value.value:
        examples: list[Example] = []
        entry = _entry(context, node, examples)
        if entry is not None:
            parsed.parser.entries.append(entry)
            parsed.examples.append(examples)
            parsed.nodes.append(node)
    return parsed


def _entry(context: SpecContext, node: Node, examples: list[Example] | None) -> spec_pb2.ParserEntry | None:
    if not isinstance(node, MappingNode):
        context.problem(
            node, "an entry of a parser must be a mapping, such as {match: PATTERN, severity: error}"
        )
        return None
    pairs = _known(context, node, keys.ENTRY_KEYS, "an entry of a parser")
    if "match" not in pairs:
        context.problem(node, "an entry of a parser requires 'match', the pattern of its line")
        return None
    entry = spec_pb2.ParserEntry(severity=common_pb2.SEVERITY_ERROR, rank=spec_pb2.PARSER_RANK_CAUSE)
    for name, pair in pairs.items():
        _field(context, entry, name, pair, examples)
    if entry.metric and not any("(?P<value>" in pattern for pattern in (entry.match, *entry.then)):
        context.problem(pairs["metric"].value, "the pattern of a metric needs the group (?P<value>…)")
    return entry


def _field(
    context: SpecContext, entry: spec_pb2.ParserEntry, name: str, pair: Pair, examples: list[Example] | None
) -> None:
    value = pair.value
    if name in keys.ENTRY_PATTERNS:
        text = scalars.filled_text(context, value, name)
        if text is not None and (problem := parser_pattern_problem(text)):
            context.problem(value, f"{name}: {problem}")
        elif text is not None:
            setattr(entry, name, text)
    elif name == "severity":
        word = scalars.choice(context, value, name, tuple(SEVERITIES))
        entry.severity = SEVERITIES[word] if word is not None else entry.severity
    elif name == "rank":
        word = scalars.choice(context, value, name, tuple(RANKS))
        entry.rank = RANKS[word] if word is not None else entry.rank
    elif name in ("decisive", "loop", "test"):
        setattr(entry, name, scalars.boolean(context, value, name) or False)
    elif name == "then":
        for item in _items(context, value, name):
            text = scalars.filled_text(context, item, name)
            if text is not None and (problem := parser_pattern_problem(text)):
                context.problem(item, f"{name}: {problem}")
            elif text is not None:
                entry.then.append(text)
    elif name == "metric":
        entry.metric = scalars.filled_text(context, value, name) or ""
    elif name == "words":
        words = [scalars.filled_text(context, item, name) for item in _items(context, value, name)]
        entry.words.extend(word.lower() for word in words if word is not None)
    elif examples is not None:
        examples.extend(_examples(context, value, name))


def _examples(context: SpecContext, value: Node, what: str) -> list[Example]:
    examples: list[Example] = []
    for item in _items(context, value, what):
        if isinstance(item, ScalarNode):
            examples.append(Example(item, item.value))
        elif isinstance(item, MappingNode):
            fields = {
                name: pair.value.value
                for name, pair in context.pairs(item).items()
                if isinstance(pair.value, ScalarNode)
            }
            text = fields.pop("text", "")
            examples.append(Example(item, text, fields))
        else:
            context.problem(item, f"an item of '{what}' must be a string or a mapping with 'text'")
    return examples


def _items(context: SpecContext, value: Node, what: str) -> list[Node]:
    if isinstance(value, SequenceNode):
        return list(value.value)
    context.problem(value, f"'{what}' must be a list")
    return []


def _known(context: SpecContext, node: MappingNode, names: tuple[str, ...], what: str) -> dict[str, Pair]:
    pairs = context.pairs(node)
    for name, pair in pairs.items():
        if name not in names:
            context.problem(pair.key, f"unknown key '{name}' in {what}{did_you_mean(name, names)}")
    return {name: pair for name, pair in pairs.items() if name in names and not is_null(pair.value)}
