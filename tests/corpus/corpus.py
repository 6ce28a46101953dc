"""Reads logs of tools whose truth is known. README.md describes their format."""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

FOLDER = Path(__file__).with_name("logs")
PAIRS = Path(__file__).with_name("pairs.tsv")
MARK = "#@ "
_VARIED = re.compile("⟦([^⟧]*)⟧")


class Log(Struct, frozen=True):
    """What one run of a tool printed, and what is true of it."""

    cause: str
    variant: int
    exit_code: int
    is_failure: bool
    line: str
    """The line that a person would quote, or its beginning; empty if there is none."""
    stdout: str
    stderr: str


def logs() -> list[Log]:
    """Returns all logs."""
    return [log for path in sorted(FOLDER.glob("*.txt")) for log in read(path.read_text())]


def pairs() -> list[tuple[bool, str, str]]:
    """Returns pairs of lines, and whether they have one cause."""
    rows = [line.split("\t") for line in PAIRS.read_text().splitlines() if not line.startswith("#")]
    return [(row[0] == "1", row[1], row[2]) for row in rows]


def read(text: str) -> Iterator[Log]:
    """Yields the logs in the text of a file, and each with all its variants."""
    blocks = re.split(rf"(?m)^(?={MARK}cause )", text)[1:]
    numbers: dict[str, int] = {}
    for block in blocks:
        fields: dict[str, str] = {}
        streams = {"stdout": "", "stderr": ""}
        stream = ""
        for line in block.splitlines(keepends=True):
            if line.startswith(MARK):
                name, _, value = line.removeprefix(MARK).rstrip("\n").partition(" ")
                stream = name if name in streams else ""
                fields[name] = value
            else:
                streams[stream] += line
        cause = fields["cause"]
        count = max((found.count("¦") + 1 for found in _VARIED.findall(block)), default=1)
        for variant in range(count):
            number = numbers[cause] = numbers.get(cause, -1) + 1
            code = int(fields.get("exit", "1"))
            yield Log(
                cause=cause,
                variant=number,
                exit_code=code,
                is_failure=code != 0 or fields.get("verdict") == "failed",
                line=_varied(fields.get("line", ""), variant),
                stdout=_varied(streams["stdout"], variant),
                stderr=_varied(streams["stderr"], variant),
            )


def _varied(text: str, variant: int) -> str:
    """Returns a text in which each list of alternatives is replaced by that of a variant."""

    def chosen(found: re.Match[str]) -> str:
        alternatives = found[1].split("¦")
        return alternatives[variant % len(alternatives)]

    return _VARIED.sub(chosen, text)
