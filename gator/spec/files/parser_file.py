"""Loads a file with a parser. Few runs need it."""

from gator.errors import SpecError
from gator.spec.builders.context import SpecContext
from gator.spec.builders.include import PARSER, Includes
from gator.spec.builders.recognition.parsers import ParserFile, read_root


def load_parser(text: str | bytes, file: str) -> ParserFile:
    """Loads a file with a parser as `gator.spec.load_parser` describes."""
    context = SpecContext()
    root = Includes(context, None).compose(text, file, PARSER)
    parsed = read_root(context, root, file) if root is not None else None
    if context.problems or parsed is None:
        raise SpecError(tuple(sorted(set(context.problems))))
    return parsed
