"""Explains mistakes in the YAML itself: what to change in the line as it is written."""

import re

from yaml.error import Mark, MarkedYAMLError

from gator.errors import Problem

MAX_DEPTH = 200
"""Maximum nesting of collections, because the composer calls itself for each level."""
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
_QUOTE = "quote it"
_NAME = re.compile(r"\$\{\{?[^}\]]*\}?\}?")

_TAG_AND_BRACKET = re.compile(r"(?:^|[\s,\[{:-])(!(?:Job|JobGroup|JobArray|Cores|Memory|License))([\]},])")
_NOT_KNOWN = "this is not valid YAML: check the indentation, quotes and brackets here and on the line above"

_TAG = "unknown tag: quote a string that starts with !"
_PLAIN_MESSAGES = {
    "found undefined alias": "undefined anchor: write &NAME above, or quote a string that starts with *",
    "but found another document": "a file holds one document: remove the second ---",
    "found unknown escape character": "this escape is not known: write \\\\ for a backslash, or quote with '",
    "found undefined tag handle": _TAG,
    "did not find expected whitespace or line break": _TAG,
    "did not find expected tag URI": _TAG,
    "found unknown directive name": "a line cannot start with %: quote it",
    "block sequence entries are not allowed in this context": (
        "a list starts on a line of its own: quote a string that starts with '- '"
    ),
    "found invalid Unicode character escape code": "this escape is not a character",
}


# The composer in Python words the same errors differently, some with a quotation at the end.
_IN_PYTHON = {
    "mapping values are not allowed here": "mapping values are not allowed in this context",
    "sequence entries are not allowed here": "block sequence entries are not allowed in this context",
    "found undefined alias": "found undefined alias",
    "found unknown escape character": "found unknown escape character",
    "expected <block end>, but found '<block mapping start>'": "did not find expected '-' indicator",
    "expected <block end>": "did not find expected key",
    "found character": "found character that cannot start any token",
}


def explain(error: MarkedYAMLError, text: str, file: str) -> Problem:
    """Returns a mistake as a problem, at the position where it was made."""
    lines = text.splitlines()
    mark = error.problem_mark or error.context_mark
    if error.problem == "found unexpected end of stream" and error.context_mark is not None:
        mark = error.context_mark
    problem = error.problem or str(error)
    problem = next((same for start, same in _IN_PYTHON.items() if problem.startswith(start)), problem)
    if mark is None:
        return Problem(file, 0, 0, problem if problem.startswith("nested more than") else _NOT_KNOWN)
    if "nesting" in problem:
        # Newer versions of the scanner in C, which reads ahead of the composer, have their own limit.
        return Problem(file, mark.line + 1, mark.column + 1, TOO_DEEP)
    name = _name_in_flow(error, lines) or _child_without_dash(mark, lines) or _tag_before_bracket(mark, lines)
    if name is not None:
        return Problem(file, *name)
    start = _start_of_word(error)
    if start is not None:
        word = _word(lines, start)
        first = "" if not word else word[0]
        message = f"a string cannot start with {first}: {_QUOTE}, {quoted(word)}"
        return Problem(file, start.line + 1, start.column + 1, message)
    return Problem(file, mark.line + 1, mark.column + 1, _message(error, problem, mark, lines))


def _message(error: MarkedYAMLError, problem: str, mark: Mark, lines: list[str]) -> str:
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "tab character" in problem or line[mark.column : mark.column + 1] == "\t":
        return "a tab cannot indent: use spaces"
    if problem in _PLAIN_MESSAGES:
        return _PLAIN_MESSAGES[problem]
    if problem == "mapping values are not allowed in this context":
        return _colon(line, mark)
    if problem == "found character that cannot start any token":
        return _start(line[mark.column :])
    opened = error.context_mark
    if opened is not None and "flow" in (error.context or ""):
        return _flow(error, problem, opened, mark)
    if problem == "found unexpected end of stream":
        return "unterminated quoted string"
    if problem == "did not find expected key":
        return _key(line, mark)
    if problem == "did not find expected '-' indicator":
        return "a key cannot follow the items of a list: indent it, or put '- ' before it"
    if problem == "did not find expected node content":
        character = line[mark.column : mark.column + 1]
        return (
            f"a value is missing here: {_QUOTE} if it starts with {character}"
            if character
            else "a value is missing here"
        )
    if problem == "did not find expected <document start>":
        return "this line is indented less than the first: indent both alike"
    return problem if problem.startswith("nested more than") else _NOT_KNOWN


def _name_in_flow(error: MarkedYAMLError, lines: list[str]) -> tuple[int, int, str] | None:
    """Finds a `${` within brackets, where { opens a mapping and so ends the text."""
    opened, mark = error.context_mark, error.problem_mark
    if opened is None or mark is None or "flow" not in (error.context or ""):
        return None
    for number in range(opened.line, min(mark.line + 1, len(lines))):
        start = opened.column if number == opened.line else 0
        end = mark.column + 1 if number == mark.line else len(lines[number])
        match = _NAME.search(lines[number], start)
        if match is not None and match.start() < end:
            message = f'{{ }} mean a mapping within [ ] and {{ }}: {_QUOTE}, "{match[0]}"'
            return number + 1, match.start() + 1, message
    return None


def _child_without_dash(mark: Mark, lines: list[str]) -> tuple[int, int, str] | None:
    """Finds a child directly below `jobs:` without a dash, near the position of an error."""
    for number in range(mark.line, max(mark.line - 3, 0), -1):
        line = lines[number] if number < len(lines) else ""
        if line.lstrip().startswith("!Job") and lines[number - 1].strip() == "jobs:":
            return (
                number + 1,
                len(line) - len(line.lstrip()) + 1,
                "'jobs' must be a list: put '- ' before each child",
            )
    return None


def _tag_before_bracket(mark: Mark, lines: list[str]) -> tuple[int, int, str] | None:
    """Finds a tag directly before a bracket, such as `!License]`, in the line of an error."""
    line = lines[mark.line] if mark.line < len(lines) else ""
    match = _TAG_AND_BRACKET.search(line)
    if match is None:
        return None
    message = f"{match[1]} runs into {match[2]}: put a space or a value between them, such as {match[1]} NAME"
    return mark.line + 1, match.start() + 1, message


def _start_of_word(error: MarkedYAMLError) -> Mark | None:
    """Returns where a word starts that was read as an alias or an anchor, such as `*.log` or `&&`."""
    if error.context in ("while scanning an alias", "while scanning an anchor"):
        return error.context_mark
    return None


def _word(lines: list[str], start: Mark) -> str:
    rest = lines[start.line][start.column :] if start.line < len(lines) else ""
    return _until_end(rest)


def _until_end(rest: str) -> str:
    return re.split(r"[,\]}]|\s#|\s*$", rest, maxsplit=1)[0].rstrip()


def quoted(text: str) -> str:
    """Returns a string in quotes in which YAML changes nothing."""
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _start(rest: str) -> str:
    return f"a string cannot start with {rest[:1]}: {_QUOTE}, {quoted(_until_end(rest))}"


def _colon(line: str, mark: Mark) -> str:
    before = line[: mark.column]
    key, colon, value = before.partition(": ")
    if colon and value.strip() and value.lstrip()[0] not in "\"'":
        return f"a string cannot hold ': ': {_QUOTE}, {quoted((value + line[mark.column :]).strip())}"
    if not colon and key[:1].isspace():
        return "this key is indented more than the one above, or the line above has a value already"
    return "a key cannot stand here: quote a string that contains ': '"


def _flow(error: MarkedYAMLError, problem: str, opened: Mark, mark: Mark) -> str:
    bracket, closing = ("[", "]") if "sequence" in (error.context or "") else ("{", "}")
    if problem.startswith("did not find expected ','"):
        if mark.line > opened.line:
            return f"a comma is missing, or a {closing} for the {bracket} on line {opened.line + 1}"
        return (
            f"a comma or {closing} is missing here: quote a string that has brackets, braces or quotes in it"
        )
    return "a value is missing here: write '' for an empty string"


def _key(line: str, mark: Mark) -> str:
    character = line[mark.column : mark.column + 1]
    if line[: mark.column].strip() and character:
        return f"nothing can follow here: quote the whole value, or remove what starts with {character}"
    return "this line is indented neither as the keys above nor as a value: align it"
