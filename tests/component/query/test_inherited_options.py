"""The options that a rerun takes over from the run that it repeats, without starting a run."""

from gator.cli.launch.reruns.inherit import inherit
from gator.cli.launch.reruns.requested_selection import RequestedSelection
from gator.core.launch.rerun import launched
from gator.v1 import query_pb2

REPEATED = query_pb2.Run(
    id="ab" * 16, argv=["gator", "run", "top.yaml", "--param", "hang=true", "--scale", "0.2"]
)


def test_the_recorded_command_line_of_a_rerun_has_what_it_inherits() -> None:
    selected = inherit(RequestedSelection(), REPEATED, RequestedSelection())
    line = selected.command_line(["gator", "run", "--only", "@failed", "--", "top.yaml"])
    launch = launched(line)
    assert launch.spec == "top.yaml"
    assert launch.options == ("--param", "hang=true", "--scale", "0.2")
    assert launched(selected.command_line(["gator", "top.yaml"])) == launched(REPEATED.argv)


def test_given_parameters_are_not_recorded_twice() -> None:
    requested = RequestedSelection(params=["hang=false"], scale="1")
    selected = inherit(requested, REPEATED, requested)
    line = ["gator", "run", "top.yaml", "--param", "hang=false", "--scale", "1"]
    assert selected.command_line(line) == line
