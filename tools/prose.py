"""Checks the language of code and docs, as far as a machine can: plain technical English.

    python tools/prose.py [PATH…]

prints the problems of files and folders, by default of the whole project, and exits with 1 if there are any.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
OWN: Final = frozenset({Path(__file__), ROOT / "tests" / "component" / "test_prose.py"})
"""Files that contain the phrases as data."""
MAX_WIDTH: Final = 100
"""Maximum width of a line of prose in the docs; tables and code keep their lines."""
PHRASES: Final = {
    r"\bso (?:many|few|long|often|much)\b(?! as\b| that\b| \w+ that\b)": "write `Maximum`, `Timeout` …",
    r"\bwhoever\b": "name the user, the caller or the process",
    r"\bnobody\b": "name it (`no user`, `no process`), or use the passive",
    r"\bof which\b": "begin a new sentence",
    r"\bthe rule: |(?<![`\w])rule: ": "write `Invariant:` or a plain sentence",
    r"\bcame of (?:it|them|a|the|what)\b": "write `the outcome of`",
    r"\bwhat (?:is (?:said|told|left|to be)|came|became|there is)\b": "use a noun",
    r"\b(?:every|some)body\b": "name the users, the callers or the processes",
    r"\bnone such\b": "write `no such …`",
    r"\bfor want of\b": "write `for lack of`",
    r"\bfor ever\b": "write `forever`",
    r"(?<!there )\b(?:is|are|was|were) no (?!(?:long|earli|lat|great|small|old|new|few)er\b|more\b)": (
        "write `is not a …`"
    ),
    r"\b(?:has|have) no [^.,;:]+, unlike\b": "write `unlike …, X has no …`, or two sentences",
}
"""Regular expressions of phrases that readers stumble over, and what to write instead."""
NO_DOCSTRING: Final = {
    r'(?:^|(?<=\s))r?"""What ': "begin with a noun, or in a module with a verb",
    r"\btakes? note\b": "write `Records that …`",
}
"""Regular expressions of the beginnings of docstrings that name no thing and no action."""
BOUND: Final = re.compile(r"^_?(?:(?:MOST|LEAST|ENOUGH|FEW|MANY)_|(?:MOST|ENOUGH|FEW)$)")
"""Names of constants that are bounds, and are not called `MAX_…` or `MIN_…`."""
IS_NO: Final = re.compile(r"(?<!there)_(?:is|are|was|were)_no_(?!\w+er_|more_)")
"""A phrase in the names of tests, which are sentences."""
NO_VERBS: Final = frozenset(
    {"This", "Its", "Is", "Was", "Has", "As", "Always", "Less", "Across", "Yes", "Others"}
)
"""Words that end in `s` and begin no description of what a function does."""


def problems_in(path: Path, root: Path = ROOT) -> Iterator[str]:
    """Yields the problems of a file in a project as `FILE:LINE: problem`."""
    name = path.relative_to(root)
    for number, problem in sorted(_numbered(path, name.parts)):
        yield f"{name}:{number}: {problem}"


def files(paths: Iterable[Path] = ()) -> Iterator[Path]:
    """Yields the files that are checked, among files and folders; by default those of the project."""
    for top in tuple(paths) or tuple(
        ROOT / name for name in ("gator", "hub", "tests", "tools", "protos", "docs")
    ):
        for path in sorted([top] if top.is_file() else top.rglob("*.*")):
            if "node_modules" in path.parts:
                continue
            generated = "gator/v1" in str(path) and path.suffix != ".proto"
            if path.suffix in (".py", ".proto", ".md") and not generated and path not in OWN:
                yield path
    if not paths:
        yield from sorted(ROOT.glob("*.md"))


def _numbered(path: Path, parts: Sequence[str]) -> Iterator[tuple[int, str]]:
    text = path.read_text()
    passages = list(_passages(_prose(text) if path.suffix == ".py" else enumerate(text.split("\n"), 1)))
    phrases = PHRASES if path.suffix != ".py" or parts[0] == "tests" else PHRASES | NO_DOCSTRING
    for phrase, advice in phrases.items():
        for passage, numbers in passages:
            for match in re.finditer(phrase, passage, re.IGNORECASE):
                yield numbers[match.start()], f"'{match.group().strip()}': {advice}"
    if path.suffix == ".md":
        yield from _wide(text)
    if path.suffix == ".py":
        yield from _grammar(ast.parse(text), docstrings=parts[0] != "tests" and "commands" not in parts)


def _prose(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            for offset, line in enumerate(token.string.split("\n")):
                yield token.start[0] + offset, line


def _passages(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[str, list[int]]]:
    """Yields consecutive lines as one, with the line number of each character: phrases may be wrapped."""
    passage, numbers, last = "", list[int](), 0
    for number, line in lines:
        words = re.sub(r"^\s*(?:#|//|\*)?\s*", "", line)
        if number > last + 1 or not words:
            yield passage, numbers
            passage, numbers = "", []
        passage += f"{words} "
        numbers += [number] * (len(words) + 1)
        last = number
    yield passage, numbers


def _wide(text: str) -> Iterator[tuple[int, str]]:
    code = False
    for number, line in enumerate(text.split("\n"), 1):
        code ^= line.startswith(("```", "~~~"))
        # A code span or a link that is too long cannot be wrapped.
        can_wrap = " " in re.sub(r"`[^`]*`|\]\([^)]*\)", "", line[MAX_WIDTH // 2 :]).strip()
        if not code and len(line) > MAX_WIDTH and can_wrap and not line.startswith(("|", "    ")):
            yield number, f"{len(line)} columns: wrap at {MAX_WIDTH}"


def _grammar(module: ast.Module, *, docstrings: bool) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and BOUND.match(node.id):
            yield node.lineno, f"{node.id}: name bounds MAX_… and MIN_…"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if IS_NO.search(node.name):
                yield node.lineno, f"{node.name}: write `is_not_a_…`"
            # A property is described by a noun; the docstring of a command is its help, which is imperative.
            decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
            text = ast.get_docstring(node)
            if text and docstrings and not re.search(r"property|setter|fixture|command", decorators):
                first = text.split()[0].rstrip(".,:;")
                if not first.endswith("s") or first in NO_VERBS:
                    yield node.lineno, f"'{text.splitlines()[0]}': begin with `Returns`, `Raises`, `Starts` …"


def main() -> int:
    """Prints all problems; returns the exit code."""
    count = 0
    for path in files([Path(name).resolve() for name in sys.argv[1:]]):
        for problem in problems_in(path):
            print(problem)
            count += 1
    print(f"{count} problems" if count else "no problems")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
