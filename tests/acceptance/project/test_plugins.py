"""Plug-ins are called beside a run, and cannot disturb it."""

import time
from pathlib import Path

import pytest

from gator.cli.launch import plugins
from tests.acceptance.support import Gator

PAGE = Path(__file__).parents[3] / "docs" / "plugins.md"
OURS = """\
from gator.plugins import hookimpl


def say(*words):
    with open("said.txt", "a") as file:
        print(*words, file=file)


@hookimpl
def gator_node_finished(run, node):
    say("node", node.path, node.outcome, node.reason or "-")


@hookimpl
def gator_new_cause(run, cause):
    say("new", cause.jobs, cause.example.path)


@hookimpl
def gator_run_finished(run):
    say("run", run.outcome, run.passed, len(run.failures))
"""
SPEC = """\
!JobGroup
ident: top
jobs:
- !Job {{ident: a, shell: 'echo "error: {text}"; exit 1'}}
- !JobGroup {{ident: g, jobs: [!Job {{ident: b, command: "true"}}]}}
"""


@pytest.fixture
def equipped(gator: Gator, tmp_path: Path) -> Gator:
    """Returns a Gator in whose environment a package with plug-ins is installed."""
    site = tmp_path / "site"
    info = site / "ours-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "ours.py").write_text(OURS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gator.plugins]\nours = ours\nmissing = ours:nothing\n")
    gator.env["PYTHONPATH"] = f"{site}:{gator.env['PYTHONPATH']}"
    gator.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return gator


def said(gator: Gator) -> list[str]:
    file = gator.root / "said.txt"
    lines = file.read_text().splitlines()
    file.unlink()
    return lines


@pytest.mark.parametrize("placement", ["auto", "tiers"])
def test_installed_plug_ins_are_called_for_nodes_causes_and_runs(equipped: Gator, placement: str) -> None:
    done = equipped("run", equipped.spec(SPEC.format(text="one")), "--placement", placement).expect(1)
    assert done.err.startswith("gator: the plug-in missing cannot be loaded: AttributeError")
    lines = said(equipped)
    assert sorted(lines[:4]) == [
        "node top failed child",
        "node top/a failed exit",
        "node top/g passed -",
        "node top/g/b passed -",
    ]
    assert lines[3:] == ["node top failed child", "new 1 top/a", "run failed False 1"]
    equipped("run", "spec.yaml", "--placement", placement).expect(1)
    assert said(equipped)[3:] == ["node top failed child", "run failed False 1"]
    equipped("run", equipped.spec(SPEC.format(text="two")), "--placement", placement).expect(1)
    assert said(equipped)[-2:] == ["new 1 top/a", "run failed False 1"]


def test_plug_ins_that_fail_are_named_and_the_others_go_on(equipped: Gator, tmp_path: Path) -> None:
    (equipped.root / "broken.py").write_text(
        "from gator.plugins import hookimpl\n\n\n"
        "@hookimpl\ndef gator_node_finished(node):\n    raise SystemExit(node.path)\n"
    )
    (equipped.root / "wrong.py").write_text(
        "from gator.plugins import hookimpl\n\n\n@hookimpl\ndef gator_nothing(node):\n    pass\n"
    )
    args = ("--plugin", "broken", "--plugin", "wrong", "--plugin", "nowhere")
    equipped.env["PYTHONPATH"] = f"{equipped.root}:{equipped.env['PYTHONPATH']}"
    done = equipped("run", equipped.spec('!Job {ident: a, command: "true"}'), *args).expect(0)
    assert (
        "gator: the plug-in broken is not called any more: gator_node_finished failed: SystemExit: a"
        in done.err
    )
    assert "gator: the plug-in wrong cannot be loaded: PluginValidationError" in done.err
    assert "gator: the plug-in nowhere cannot be loaded: ModuleNotFoundError" in done.err
    assert said(equipped) == ["node a passed -", "run passed True 0"]


def test_a_slow_plug_in_is_given_up(equipped: Gator) -> None:
    (equipped.root / "slow.py").write_text(
        "import time\nfrom gator.plugins import hookimpl, host\n\n\nhost.CALL_SECONDS = 0.5\n\n\n"
        "@hookimpl\ndef gator_node_finished():\n    time.sleep(600)\n"
    )
    equipped.env["PYTHONPATH"] = f"{equipped.root}:{equipped.env['PYTHONPATH']}"
    began = time.monotonic()
    done = equipped("run", equipped.spec('!Job {ident: a, command: "true"}'), "--plugin", "slow").expect(0)
    assert time.monotonic() - began < 60
    assert "the plug-in slow is not called any more: gator_node_finished took longer than" in done.err
    assert said(equipped)[-1] == "run passed True 0"


def test_the_plug_in_on_the_page_works(gator: Gator, tmp_path: Path) -> None:
    code = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    (gator.root / "page.py").write_text(code)
    gator.env["PYTHONPATH"] = f"{gator.root}:{gator.env['PYTHONPATH']}"
    gator("run", gator.spec(SPEC.format(text="one")), "--plugin", "page").expect(1)
    printed = (gator.folder / "plugins.log").read_text()
    assert "top/a failed: exited with code 1\n" in printed
    assert printed.endswith(" failed: 1 failures\n")


def test_without_plug_ins_nothing_is_started(gator: Gator, monkeypatch: pytest.MonkeyPatch) -> None:
    gator("run", gator.spec('!Job {ident: a, command: "true"}')).expect(0)
    assert not (gator.folder / "plugins.log").exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(gator.root / "cache"))
    first = plugins.has_installed()
    monkeypatch.setattr("importlib.metadata.entry_points", None)
    assert plugins.has_installed() is first
