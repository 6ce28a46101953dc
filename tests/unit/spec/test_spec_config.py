"""gator.toml: keys of the spec, options, and problems at their places."""

import pytest

from gator.errors import SpecError
from gator.spec import load_config, load_config_partly
from gator.spec.toml.positions import positions
from gator.v1 import common_pb2, spec_pb2

FILE = "gator.toml"


def problems_of(text: str) -> list[str]:
    with pytest.raises(SpecError) as raised:
        load_config(text.encode(), file=FILE)
    return [str(problem) for problem in raised.value.problems]


def test_keys_that_jobs_inherit_are_read_as_in_a_spec() -> None:
    text = """
parsers = ["uvm", {match = "^E: ", severity = "warning"}]
timeout = "2h"
stderr = "error"
tags = ["nightly"]
secrets = ["LICENSE_FILE"]
limits = {error = 3}
[env]
FOO = "1.10"
N = 3
[licenses]
ToolA = 2
"""
    above = load_config(text.encode(), file=FILE).above
    settings = above.settings
    assert settings.timeout_millis == 7_200_000
    assert settings.stderr == spec_pb2.STDERR_MODE_ERROR
    assert settings.limits.error == 3
    assert [(each.name, each.value) for each in settings.env] == [("FOO", "1.10"), ("N", "3")]
    assert [parser.name for parser in settings.parsers.list] == ["uvm", "spec"]
    assert settings.parsers.list[1].entries[0].severity == common_pb2.SEVERITY_WARNING
    assert dict(above.licenses) == {"ToolA": 2}
    assert (above.settings.tags, above.secrets) == (["nightly"], ["LICENSE_FILE"])


def test_options_keep_their_values_and_places() -> None:
    found = load_config(b'timeout = "1h"\n[run]\njobs = 3\n  hub = "localhost"\n', file=FILE)
    assert found.run == {"jobs": 3, "hub": "localhost"}
    assert found.positions == {"jobs": (3, 1), "hub": (4, 3)}
    assert dict(found.values) == {"timeout": "1h", "run.jobs": 3, "run.hub": "localhost"}


def test_every_problem_is_reported_at_its_place() -> None:
    text = """\
command = "x"
tmeout = "1h"
timeout = "soon"
run = 3
[limits]
warnin = 2
"""
    assert problems_of(text) == [
        "gator.toml:1:1: 'command' is a key of one node: write it in the spec",
        "gator.toml:2:1: 'tmeout' is not a key of gator.toml: did you mean 'timeout'?",
        "gator.toml:3:1: 'timeout' must be a duration such as 90s, 1h30m or 500ms, not 'soon'",
        "gator.toml:4:1: 'run' must be a table: put its options under [run]",
        "gator.toml:6:1: unknown key 'warnin' in 'limits': did you mean 'warning'?",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = ", "gator.toml:1:5: this is not valid TOML: invalid value"),
        ("a = 1\na = 2\n", "gator.toml:2:6: this is not valid TOML: cannot overwrite a value"),
        ("x = '''a", "gator.toml:1:9: this is not valid TOML: "),
        ("x = " + "[" * 100_000, "gator.toml:1:1: this file is nested too deeply"),
    ],
)
def test_a_file_that_is_not_toml_has_one_problem(text: str, problem: str) -> None:
    assert problems_of(text)[0].startswith(problem)


def test_a_byte_that_is_not_utf8_is_reported() -> None:
    with pytest.raises(SpecError, match=r"gator.toml:1:1: byte 0xff is not UTF-8"):
        load_config(b"\xff", file=FILE)


def test_positions_follow_headers_arrays_of_tables_and_dotted_keys() -> None:
    text = """\
a.b = 1
[x."y z"]
c = 1
[[rule]]
name = "one"
[[rule]]
  name = "two"
[rule.more]
deep = true
"""
    found = positions(text)
    assert found[("a", "b")] == (0, 0)
    assert found[("x", "y z", "c")] == (2, 0)
    assert found[("rule", "0", "name")] == (4, 0)
    assert found[("rule", "1", "name")] == (6, 2)
    assert found[("rule", "1", "more", "deep")] == (8, 0)


def test_problems_are_at_the_element_of_an_array_or_inline_table() -> None:
    text = """causes = [
  {name = "a", match = "x"},
  {name = "b", match = "("},   # a problem
]
parsers = ["uvm", "unknown"]
"""
    assert [problem.split(": ")[0] for problem in problems_of(text)] == [f"{FILE}:3:16", f"{FILE}:5:19"]


def test_text_of_several_lines_has_no_keys_and_headers() -> None:
    text = '''a = """
b = 1
[c]
"""
d = 'x' # [e]
"f.g" = [[1, 2], {h = "}"}]
'''
    found = positions(text)
    assert found == {
        ("a",): (0, 0),
        ("d",): (4, 0),
        ("f.g",): (5, 0),
        ("f.g", "0"): (5, 9),
        ("f.g", "0", "0"): (5, 10),
        ("f.g", "0", "1"): (5, 13),
        ("f.g", "1"): (5, 17),
        ("f.g", "1", "h"): (5, 18),
    }


def test_a_file_with_problems_is_read_as_far_as_possible() -> None:
    found = load_config_partly(b'nonsense = 1\ntimeout = "2h"\n[run]\njobs = 3\n', file=FILE)
    assert [problem.line for problem in found.problems] == [1]
    assert found.above.settings.timeout_millis == 7_200_000
    assert found.run == {"jobs": 3}
    assert load_config_partly(b"x = [", file=FILE).problems
