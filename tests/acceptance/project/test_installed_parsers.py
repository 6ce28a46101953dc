"""Parsers of a package that pip has installed are listed, tried and named by jobs."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.support import Gator

RULES = """\
name: any
about: Our rule checker.
entries:
- match: '^RULE (?P<code>\\w+): (?P<message>.*)$'
"""
FILES = {
    "our_tools/__init__.py": (
        "from pathlib import Path\n"
        "MATCHER = Path(__file__).with_name('matcher.json')\n"
        "def rules():\n    return str(Path(__file__).parent / 'parsers' / 'rules.yaml')\n"
    ),
    "our_tools/matcher.json": '{"pattern": {"regexp": "^M (.*)$", "message": 1}}',
    "our_tools/parsers/__init__.py": "",
    "our_tools/parsers/rules.yaml": RULES,
    "our_tools-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: our-tools\nVersion: 1.0\n",
    "our_tools-1.0.dist-info/WHEEL": (
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    ),
    "our_tools-1.0.dist-info/entry_points.txt": (
        "[gator.parsers]\n"
        "rules = our_tools.parsers\n"
        "called = our_tools:rules\n"
        "matcher = our_tools:MATCHER\n"
        "broken = our_tools:missing\n"
        "lost = our_tools\n"
    ),
}


@pytest.fixture
def equipped(gator: Gator, tmp_path: Path) -> Gator:
    """Returns a Gator in whose environment pip has installed a package with parsers."""
    wheel = tmp_path / "our_tools-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
        record = "".join(f"{name},,\n" for name in FILES) + "our_tools-1.0.dist-info/RECORD,,\n"
        archive.writestr("our_tools-1.0.dist-info/RECORD", record)
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, wheel],
        check=True,
    )
    gator.env["PYTHONPATH"] = str(site)
    return gator


def test_parsers_of_a_package_are_listed_shown_and_tried(equipped: Gator) -> None:
    rows = [json.loads(line) for line in equipped("parsers", "list", "--json").expect(0).out.splitlines()]
    found = {row["name"]: row for row in rows if row["file"] or "cannot be used" in row["about"]}
    assert sorted(found) == ["broken", "called", "lost", "matcher", "rules"]
    assert (found["rules"]["about"], found["rules"]["entries"]) == ("Our rule checker.", 1)
    assert found["rules"]["file"] == found["called"]["file"]
    assert "AttributeError" in found["broken"]["about"] and "has no file" in found["lost"]["about"]
    assert equipped("parsers", "show", "rules").expect(0).out == RULES
    assert "(?P<message>.*)" in equipped("parsers", "show", "matcher").expect(0).out
    equipped("parsers", "show", "broken").expect(2)


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_messages_of_parsers_of_a_package_count_for_jobs_that_name_it(
    equipped: Gator, placement: str
) -> None:
    spec = equipped.spec(
        "!JobGroup\nident: top\njobs:\n"
        "- !Job {ident: rules, shell: 'echo RULE CK1: bad', parsers: [rules]}\n"
        "- !Job {ident: matcher, shell: 'echo M bad', parsers: [matcher]}\n"
        "- !Job {ident: not_named, shell: 'echo RULE CK1: bad'}\n"
    )
    equipped("run", spec, "--placement", placement).expect(1)
    nodes = equipped.nodes()
    parsers = {path: node.first_error.parser for path, node in nodes.items() if node.first_error.parser}
    assert parsers["top/rules"] == "rules" and parsers["top/matcher"] == "matcher"
    assert "top/not_named" not in parsers
    plain = equipped.spec("!Job {ident: plain, shell: 'echo RULE CK1: bad'}\n")
    equipped("run", plain, "--parser", "called").expect(1)
    equipped("run", plain).expect(0)


def test_a_parser_that_cannot_be_loaded_is_a_problem_of_the_spec(equipped: Gator) -> None:
    spec = equipped.spec("!Job {command: x, parsers: [broken, lost, none]}")
    found = equipped("check", spec).expect(2)
    text = found.out + found.err
    for part in (
        "spec.yaml:1:29: the parser broken",
        "AttributeError",
        "the parser lost",
        "unknown parser 'none'",
    ):
        assert part in text, text
