"""The problem matchers that VS Code and its common extensions refer to by name, with the tools' formats."""

from typing import Final

from msgspec import Struct, field

from gator.v1 import common_pb2


class Pattern(Struct, frozen=True):
    """The pattern of one line."""

    regexp: str
    """In the syntax of JavaScript."""
    fields: dict[str, int] = field(default_factory=dict[str, int])
    """Number of the group with each field; 0 is the whole match."""
    defaults: dict[str, int] = field(default_factory=dict[str, int])
    """Groups of fields that the pattern does not say, in VS Code."""
    loop: bool = False
    """Whether further lines that match are messages of their own."""


class Matcher(Struct, frozen=True):
    """The patterns of the messages of a tool, one for each line of a message."""

    patterns: tuple[Pattern, ...]
    owner: str = ""
    severity: common_pb2.Severity.ValueType = common_pb2.SEVERITY_ERROR
    """Severity of messages that do not say theirs."""


_PLACE: Final = r"\((\d+(?:,\d+){0,3})\)"
"""A place as compilers of Microsoft print it: (line), (line,column) or (line,column,line,column)."""
_WORD: Final = "(error|warning|info)"


def _one(regexp: str, **fields: int) -> Matcher:
    return Matcher((Pattern(regexp, fields),))


def _microsoft(code: str) -> Matcher:
    """Returns the matcher of a compiler of Microsoft by the pattern of its codes."""
    regexp = rf"^(?:\s*\d+>)?(\S.*){_PLACE}\s*:\s+(?:fatal )?{_WORD}\s+({code})\s*:\s*(.*)$"
    return _one(regexp, file=1, location=2, severity=3, code=4, message=5)


_TSC: Final = _one(
    rf"^(\S.*?)(?:\(|:)(\d+)[,:](\d+)(?:\):| -)\s+{_WORD}\s+(TS\d+)\s*:\s*(.*)$",
    file=1,
    line=2,
    column=3,
    severity=4,
    code=5,
    message=6,
)
_RUSTC: Final = Matcher(
    (
        Pattern(r"^(warning|error)(?:\[(\w+)\])?: (.*)$", {"severity": 1, "code": 2, "message": 3}),
        Pattern(r"^\s*--> (.+):(\d+):(\d+)$", {"file": 1, "line": 2, "column": 3}),
    )
)
_LESS: Final = _one(r"^\s*(.*) in file (.*) line no\. (\d+)$", message=1, file=2, line=3)

NAMED: Final = {
    "msCompile": _microsoft(r"[A-Za-z]{1,6}\d+"),
    "cpp": _microsoft(r"C\d+"),
    "csc": _microsoft(r"CS\d+"),
    "vb": _microsoft(r"BC\d+"),
    "gulp-tsc": _one(rf"^(\S.*){_PLACE}:\s+(\d+)\s+(.*)$", file=1, location=2, code=3, message=4),
    "lessCompile": _LESS,
    "lessc": _LESS,
    "jshint": _one(
        r"^(.*): line (\d+), col (\d+), (.*?)(?: \(([EWI])(\d+)\))?$",
        file=1,
        line=2,
        column=3,
        message=4,
        severity=5,
        code=6,
    ),
    "jshint-stylish": Matcher(
        (
            Pattern(r"^(\S.*)$", {"file": 1}),
            Pattern(
                r"^ +line (\d+) +col (\d+) +(.*?)(?: +\(([EWI])(\d+)\))?$",
                {"line": 1, "column": 2, "message": 3, "severity": 4, "code": 5},
                loop=True,
            ),
        )
    ),
    "eslint-compact": _one(
        r"^(.+): line (\d+), col (\d+), (Error|Warning|Info) - (.+?)(?: \(([^()]+)\))?$",
        file=1,
        line=2,
        column=3,
        severity=4,
        message=5,
        code=6,
    ),
    "eslint-stylish": Matcher(
        (
            Pattern(r"^(\S.*)$", {"file": 1}),
            Pattern(
                rf"^\s+(\d+):(\d+)\s+{_WORD}\s+(.+?)(?:\s{{2,}}(\S+))?$",
                {"line": 1, "column": 2, "severity": 3, "message": 4, "code": 5},
                loop=True,
            ),
        )
    ),
    "go": _one(
        r"^(?:[^:\s]+: )?((?:[A-Za-z]:)?[^:]+):(\d+)(?::(\d+))?: (.*)$", file=1, line=2, column=3, message=4
    ),
    "gcc": _one(
        r"^(.+?):(\d+):(?:(\d+):)?\s+(?:fatal )?(warning|error|note):\s+(.*)$",
        file=1,
        line=2,
        column=3,
        severity=4,
        message=5,
    ),
    "tsc": _TSC,
    "tsc-watch": _TSC,
    "rustc": _RUSTC,
    "rustc-watch": _RUSTC,
}
"""By the name after `$`."""
