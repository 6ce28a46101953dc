"""Rules for causes in a gator.toml that are written after the runs, read from folders and from a hub."""

import json

import pytest

from tests.acceptance.real_hub import RealHub
from tests.acceptance.support import Done, Gator

SPEC = """
!JobGroup
ident: top
causes:
- {name: of the spec, match: 'no clock', ticket: HW-1}
jobs:
- !Job {ident: a, shell: 'echo "ERROR no grant"; exit 1'}
- !Job {ident: b, shell: 'echo "ERROR no credit"; exit 1'}
- !Job {ident: c, shell: 'echo "ERROR no clock"; exit 1'}
- !Job {ident: d, shell: 'echo "ERROR stage $STAGE"; exit 1'}
"""
RULES = """
[[causes]]
name = "grant"
match = "no (grant|credit)"
ticket = "HW-12"
[[causes]]
name = "of the spec"
match = "no grant"
"""


@pytest.fixture
def twice(gator: Gator, hub: RealHub) -> RealHub:
    """Two runs, in folders and on a hub; the project has rules for causes only since then."""
    hub.start()
    spec = gator.spec(SPEC)
    for stage in ("one", "two"):
        hub.command("run", spec, "--hub-wait", "60s", env={"STAGE": stage}).wait().expect(1)
    (gator.root / "gator.toml").write_text(RULES)
    return hub


def ask(gator: Gator, hub: RealHub, source: str, *args: str) -> str:
    """What a command prints about the newest run, in its folder or on the hub."""
    if source == "folder":
        return gator(*args).expect(0).out
    return hub.command(*args, "-r", "hub:").wait().expect(0).out


def check_causes(lines: str) -> None:
    states = [(line.split()[0], line) for line in lines.splitlines()[1:]]
    assert [state for state, _ in states] == ["new", "known", "known"]
    assert "top/d" in states[0][1]
    assert "grant (HW-12)" in states[1][1]
    assert "of the spec (HW-1)" in states[2][1]


@pytest.mark.parametrize("source", ["folder", "hub"])
def test_rules_written_after_a_run_name_its_causes(gator: Gator, twice: RealHub, source: str) -> None:
    check_causes(ask(gator, twice, source, "failures", "--causes"))
    assert ask(gator, twice, source, "tree").count("[grant (HW-12)]") == 2
    assert "grant (HW-12)" in ask(gator, twice, source, "show", "b")
    assert ask(gator, twice, source, "failures", "--cause", "grant").count("cause:  grant") == 2
    for line in ask(gator, twice, source, "failures", "--causes", "--json").splitlines():
        cause = json.loads(line)
        assert cause["tickets"] == {"grant": ["HW-12"], "of the spec": ["HW-1"]}.get(cause["cause"], [])


@pytest.mark.parametrize("source", ["folder", "hub"])
def test_failures_of_a_ticket_are_shown(gator: Gator, twice: RealHub, source: str) -> None:
    assert ask(gator, twice, source, "failures", "--cause", "HW-12").count("failed top/") == 2
    assert ask(gator, twice, source, "failures", "--cause", "HW-1").count("failed top/") == 1


def test_the_first_run_of_a_series_is_called_so_by_its_summary_a_folder_and_a_hub(
    gator: Gator, hub: RealHub
) -> None:
    hub.start()
    end = hub.command("run", gator.spec(SPEC), "--hub-wait", "60s", env={"STAGE": "1"}).wait().expect(1).out
    headline = "4 failures, 4 causes (first run of this series)"
    assert f"{headline}:\n" in end
    assert "(new)" not in end
    shown = [ask(gator, hub, source, "failures", "--causes") for source in ("folder", "hub")]
    assert shown[0].startswith(f"{headline}\nnew  ")
    assert shown[0] == shown[1]
    assert ask(gator, hub, "folder", "failures").count("seen:   new (first run of this series)") == 4


def check_comparison(done: Done) -> None:
    text = done.expect(0).out
    assert "4 still failing (1 with another cause)" in text
    first, *others = text.partition("still failing:\n")[2].splitlines()
    assert first.startswith("  d ")
    assert "before, with another cause" in first
    assert sum("[grant]" in line for line in others) == 2


def test_a_comparison_counts_failures_with_another_cause_and_shows_them_first(
    gator: Gator, twice: RealHub
) -> None:
    check_comparison(gator("diff"))
    check_comparison(twice.command("diff", "hub:-2", "hub:").wait())


def test_a_file_with_problems_hides_no_run(gator: Gator) -> None:
    gator("run", gator.spec(SPEC)).expect(1)
    (gator.root / "gator.toml").write_text('parsers = ["unknown"]\n[[causes]]\nname = "x"\n')
    done = gator("failures", "--causes").expect(0)
    assert "top/a" in done.out
    assert "gator: the causes of a gator.toml were left out: " in done.err
    assert "requires 'match'" in done.err
    assert "unknown" not in done.err
