"""Signatures of all examples of parsers and all logs of the corpus: chance makes no difference."""

import random
import re
from collections.abc import Callable, Iterator
from functools import cache

from msgspec.structs import replace

from gator.parsers.check import builtin_entries, builtin_files
from gator.v1 import common_pb2
from tests.corpus.corpus import Log, logs
from tests.corpus.score import Reading, reading_of

HEX = "0123456789abcdef"
Change = Callable[[random.Random, "re.Match[str]"], str]


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(HEX) for _ in range(count))


CHANCE: dict[str, Change] = {
    r"/(?:home/user/proj|home/ann|home/bob|home/user|scratch/ci/build-\d+/src)(?=[/:'\" ]|$)": (
        lambda rng, _: f"/scratch/ci/build-{rng.randint(100, 99999)}/src"
    ),
    r"\b0x[0-9a-f]{6,16}\b": lambda rng, found: f"0x{rng.randint(1, 9)}{digits(rng, len(found[0]) - 3)}",
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b": (
        lambda rng, _: "-".join(digits(rng, count) for count in (8, 4, 4, 4, 12))
    ),
    r"\b[0-9a-f]{40}\b": lambda rng, _: digits(rng, 40),
    r"\b20\d\d-\d\d-\d\d(?P<sep>[T ])\d\d:\d\d:\d\d": (
        lambda rng, found: (
            f"20{rng.randint(20, 40)}-11-{rng.randint(10, 28)}{found['sep']}17:26:{rng.randint(10, 59)}"
        )
    ),
    r"(?m)^==\d+==": lambda rng, _: f"=={rng.randint(100, 99999)}==",
    r"(?m)^\[ *\d+\.\d{6}\]": lambda rng, _: f"[{rng.randint(1, 99999):5}.{rng.randint(0, 999999):06}]",
    r"(?m)(?P<file>\.[A-Za-z]\w{0,5}:)\d+(?P<column>:\d+)?(?=[:)\s,]|$)": (
        lambda rng, found: f"{found['file']}{rng.randint(2, 9999)}{':7' if found['column'] else ''}"
    ),
    r'", line \d+': lambda rng, _: f'", line {rng.randint(2, 9999)}',
    r"(?<!\w)seed(?P<sep>[ =:]+)\d+": lambda rng, found: f"seed{found['sep']}{rng.randint(1, 10**6)}",
    r"\bnode\d+\b": lambda rng, _: f"node{rng.randint(1, 400)}",
    r" @ \d+": lambda rng, _: f" @ {rng.randint(1, 10**9)}",
    r"\b\d+(?= ?(?:ns|ms|sec|seconds)\b)": lambda rng, _: str(rng.randint(1, 10**5)),
}
"""Patterns of what differs between two runs with one cause, and what replaces a match."""


@cache
def failures() -> tuple[Log, ...]:
    """All failures of the corpus, and the examples of built-in parsers as logs."""
    return (*examples(), *(log for log in logs() if log.is_failure))


def examples() -> Iterator[Log]:
    for file in builtin_files():
        for entry, found in zip(builtin_entries(file), file.examples, strict=True):
            if entry.severity >= common_pb2.SEVERITY_ERROR and not entry.metric:
                for example in found:
                    yield Log(file.parser.name, 0, 1, True, line="", stdout="", stderr=example.text)


def by_chance(log: Log) -> Log:
    """Returns what another run with the same cause might have printed."""
    rng = random.Random(log.cause)
    new: dict[str, str] = {}

    def changed(text: str) -> str:
        for pattern, change in CHANCE.items():

            def once(found: re.Match[str], change: Change = change) -> str:
                # Equal texts stay equal, as the path of a file that is named twice.
                return new.setdefault(found[0], change(rng, found))

            text = re.sub(pattern, once, text)
        return text

    return replace(log, stdout=changed(log.stdout), stderr=changed(log.stderr))


def test_other_paths_times_addresses_and_seeds_leave_the_signature() -> None:
    changed = [(log, other) for log in failures() if (other := by_chance(log)) != log]
    assert len(changed) > 1000
    assert [
        log.cause for log, other in changed if reading_of(log).signature != reading_of(other).signature
    ] == []


def names_in(reading: Reading) -> set[str]:
    """Returns the exception or code of a failure, its test, and the names in quotes in its message."""
    code, test = reading.code, re.split(r"\.|::", reading.item)[-1]
    found = {code} if re.fullmatch(r"[A-Za-z][\w.:-]*", code) else set[str]()
    found |= {test} if re.fullmatch(r"[A-Za-z]\w*", test) else set()
    # The values in a list, long numbers, and a text that is not a number are not names.
    parsed = r"convert string to float: .*|invalid literal for .*|For input string: .*|parsing \"[^\"]*\""
    message = re.sub(rf"\[.*\]|\{{.*\}}|\w*\d{{4}}\w*|{parsed}", "", reading.message)
    return found | set(re.findall(r"[`'‘\"]([A-Za-z_]\w{2,})['’\"]", message))


def with_another(name: str, log: Log) -> Log:
    number = re.search(r"\d+$", name)
    new = f"{name[: number.start()]}{int(number[0]) + 3}" if number else f"{name[0]}ork{name[1:]}"
    pattern = rf"(?<![\w]){re.escape(name)}(?!\w)"
    return replace(log, stdout=re.sub(pattern, new, log.stdout), stderr=re.sub(pattern, new, log.stderr))


def test_another_exception_code_test_or_symbol_has_another_signature() -> None:
    same: list[tuple[str, str]] = []
    count = 0
    for log in failures():
        reading = reading_of(log)
        for name in names_in(reading):
            other = with_another(name, log)
            if (other.stdout, other.stderr) == (log.stdout, log.stderr):
                continue
            count += 1
            if reading_of(other).signature == reading.signature:
                same.append((log.cause, name))
    assert count > 500
    assert same == []
