"""Options of runners have the types of what is written, and names in them are filled in."""

import json

from gator.core.attempt.start.runners import describe_call, is_special, options_of, python_argv
from gator.spec import load
from gator.v1 import spec_pb2

SPEC = """\
!JobGroup
jobs:
- !Job
  runner:
    python:
      call: a.b:c
      with:
        {i: 3, f: -1.5e3, t: true, n: null, s: "3", v: 1.2.3, z: 007, l: [1, x], m: {k: ~}, e: ''}
"""


def runner() -> spec_pb2.Runner:
    return load(SPEC, file="x.yaml").spec.group.jobs[0].job.settings.runner


def test_values_have_the_types_of_what_is_written() -> None:
    options = options_of(runner(), str)
    assert options["with"] == {
        "i": 3,
        "f": -1500.0,
        "t": True,
        "n": None,
        "s": "3",
        "v": "1.2.3",
        "z": "007",
        "l": [1, "x"],
        "m": {"k": None},
        "e": "",
    }


def test_a_value_that_is_one_name_has_the_type_of_its_text() -> None:
    text = """!Job {runner: {ssh: {p: "${{ seed }}", q: "x${{ seed }}"}}, command: a}"""
    found = load(text, file="x.yaml").spec.job.settings.runner
    filled = options_of(found, lambda text: text.replace("${{ seed }}", "12"))
    assert filled == {"p": 12, "q": "x12"}


def test_a_call_is_a_command_line_with_its_arguments_in_json() -> None:
    interpreter, file, call, arguments = python_argv(runner(), str)
    assert interpreter.endswith(("python", "python3", "python3.11", "python3.12", "python3.13", "python3.14"))
    assert file.endswith("gator/runners/call.py")
    assert (call, json.loads(arguments)["l"]) == ("a.b:c", [1, "x"])
    assert describe_call(runner()).startswith("a.b:c(i=3, f=-1500.0, t=True")


def test_the_default_runners_are_not_special() -> None:
    assert not is_special(spec_pb2.Settings())
    assert not is_special(spec_pb2.Settings(runner=spec_pb2.Runner(name="process")))
    assert is_special(spec_pb2.Settings(runner=spec_pb2.Runner(name="python")))
