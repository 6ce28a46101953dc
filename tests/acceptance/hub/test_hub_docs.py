"""The page on the hub: every query and every command that it shows is put to a real hub."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from gator.cli.main import load
from gator.cli.registry import COMMANDS
from tests.acceptance.project.test_documentation import HUB, arguments, blocks, steady
from tests.acceptance.support import Gator, Running, until

README = Path(__file__).parents[3] / "README.md"
PAGE = README.parent / "docs" / "hub.md"
BIN = Path(sys.executable).parent
GRPCURL = shutil.which("grpcurl", path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
_QUERY = re.compile(r"^```sh\n(grpcurl .*)\n```\n\n```(?:json|text)\n((?:.*\n)*?)```$", re.MULTILINE)
_CURL = re.compile(r"^```sh\n(curl .*)\n```\n\n```json\n((?:.*\n)*?)```$", re.MULTILINE)
_UNSTEADY = re.compile(
    r"id|run|store|host|user|owner|version|folder|argv|commandLine|specDir|launchDir|cwd|pid|command|branch|dirty"
    r"|seed|cores|memoryBytes|processes|samples|signature|resumeToken|nextPageToken|seq|text|message|.*Nanos|.*Bytes|peakProcesses|regex|code|webPort"
)
"""Fields whose values are different each time, or on each machine."""


class Hub:
    """A hub that was started with a folder of its own."""

    def __init__(self, gator: Gator) -> None:
        data = gator.root / "data"
        gator.env |= {"XDG_DATA_HOME": str(data), "PATH": f"{BIN}{os.pathsep}{gator.env['PATH']}"}
        self.process: Running = gator.start("hub", "serve", "--port", 0)
        self.address: str = until(self._address, "a hub that listens")
        self.token = (data / "gator" / "hub" / "token").read_text().strip().rpartition(":")[2]
        gator.env["GATOR_HUB"] = self.address
        found = re.search(r"web page +(\S+)/", self.process.text())
        self.web = found[1] if found is not None else ""

    def _address(self) -> str:
        # The last line, after which all others are there.
        if "Ctrl-C" not in self.process.text():
            return ""
        found = re.search(r"at http://(\S+)", self.process.text())
        return found[1] if found is not None else ""


@pytest.fixture
def hub(gator: Gator) -> Iterator[Hub]:
    hub = Hub(gator)
    yield hub
    hub.process.signal(15)
    hub.process.wait().expect(0)


def spec_of_page() -> str:
    found = re.search(r"^```yaml\n((?:.*\n)*?)```$", PAGE.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def run_nightly(gator: Gator, fail: str) -> str:
    """Run what the page runs, with the repeat that fails; the id of the run."""
    options = ("--hub-wait", "30s", "--label", "branch=main", "-j", 2)
    done = gator("run", gator.spec(spec_of_page(), "nightly.yaml"), *options, env={"FAIL": fail})
    done.expect(1 if fail.isdecimal() else 0)
    (line,) = gator("runs", "-n", 1, "--json").expect(0).out.splitlines()
    return json.loads(line)["id"]


def queries() -> list[tuple[str, str]]:
    """Each line of grpcurl on the page with the answer that is shown below it."""
    return [(found[1], found[2]) for found in _QUERY.finditer(PAGE.read_text())]


def test_every_rpc_of_the_hub_is_shown() -> None:
    shown = {found for line, _ in queries() for found in re.findall(r"gator\.v1\.(\w+/\w+)", line)}
    there = set[str]()
    for file in ("query_service", "control_service", "hub_service"):
        text = (PAGE.parents[1] / "protos" / "gator" / "v1" / f"{file}.proto").read_text()
        service = re.findall(r"^service (\w+)", text, re.MULTILINE)[0]
        there |= {f"{service}/{name}" for name in re.findall(r"^  rpc (\w+)", text, re.MULTILINE)}
    assert shown == there
    assert len(queries()) == PAGE.read_text().count("\ngrpcurl ")


def test_every_option_of_the_commands_about_a_hub_is_documented() -> None:
    text = PAGE.read_text() + (PAGE.parent / "operations.md").read_text()
    group = load("hub", COMMANDS["hub"])
    for name in group.list_commands(None):
        assert f"gator hub {name}" in text
        for param in group.get_command(None, name).params:
            for option in (*param.opts, *param.secondary_opts):
                assert not option.startswith("-") or f"`{option}`" in text, f"{name} {option}"


@pytest.mark.skipif(GRPCURL is None, reason="needs grpcurl")
def test_every_query_that_is_shown_gets_the_answer_that_is_shown(gator: Gator, hub: Hub) -> None:
    before = run_nightly(gator, "none")
    run = run_nightly(gator, "2")
    known = {"HUB": hub.address, "TOKEN": hub.token, "BEFORE": before, "RUN": run}
    for line, shown in queries():
        if " list" in line:
            assert set(shown.split()) - {"..."} <= set(printed(line, {**gator.env, **known}).split())
            continue
        found, wanted = answers(line, {**gator.env, **known}), values(shown)
        assert len(wanted) <= len(found), f"{line}\n{found}"
        for value in wanted:
            assert any(is_part(value, one) for one in found), f"{line}\n{found}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_query_over_http_that_is_shown_gets_the_answer_that_is_shown(gator: Gator, hub: Hub) -> None:
    run_nightly(gator, "none")
    shown = _CURL.findall(PAGE.read_text())
    assert len(shown) == PAGE.read_text().count("\ncurl ")
    for line, wanted in shown:
        found = values(printed(line, {**gator.env, "WEB": hub.web, "TOKEN": hub.token}))
        assert all(map(is_part, values(wanted), found)), f"{line}\n{found}"


def printed(line: str, environ: dict[str, str]) -> str:
    """What a line prints."""
    done = subprocess.run(
        ["bash", "-euc", line], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


def answers(line: str, environ: dict[str, str]) -> list[Any]:
    """The answers to a query, the pages of a list put together: on a busy machine a hub ends a page early."""
    found = values(printed(line, environ))
    while token := found[-1].pop("nextPageToken", ""):
        (page,) = values(printed(line.replace(" -d '{", f""" -d '{{"page_token": "{token}", """, 1), environ))
        for name, value in page.items():
            found[-1][name] = found[-1].get(name, []) + value if isinstance(value, list) else value
    return found


def values(text: str) -> list[Any]:
    """The JSON values in a text, one after another; `...` marks omitted parts."""
    text = re.sub(r"^\s*\.\.\.$", "", text, flags=re.MULTILINE)
    text = re.sub(r",(\s*[}\]])", r"\1", text)
    found, decoder = list[Any](), json.JSONDecoder()
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def is_part(shown: Any, there: Any, name: str = "") -> bool:
    """Whether all that is shown of a value is there."""
    if isinstance(shown, dict):
        items, found = cast("dict[str, Any]", shown), cast("dict[str, Any]", there)
        return isinstance(there, dict) and all(
            key in found and is_part(value, found[key], key) for key, value in items.items()
        )
    if isinstance(shown, list):
        parts, others = cast("list[Any]", shown), cast("list[Any]", there)
        return isinstance(there, list) and all(
            any(is_part(one, other, name) for other in others) for one in parts
        )
    return type(shown) is type(there) and (bool(_UNSTEADY.fullmatch(name)) or shown == there)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")
def test_what_the_readme_shows_of_a_hub_is_what_one_sees(gator: Gator, hub: Hub) -> None:
    shutil.copytree(README.parent / "examples", gator.root / "examples")
    (block,) = (text for text in blocks(README, "console") if HUB in text)
    for shown in block.removeprefix("$ ").split("\n$ ")[1:]:
        line, _, expected = shown.partition("\n")
        done = gator(*arguments(line.replace("localhost:8080", hub.address)))
        done.expect(1 if " run " in line else 0)
        seen = [steady(one, gator.root) for one in done.out.splitlines()]
        for wanted in expected.replace("localhost:8080", hub.address).splitlines():
            assert wanted.strip() in ("", "...") or steady(wanted, Path("/home/you/chip")) in seen, done.out


def test_every_command_that_reads_from_the_hub_works(gator: Gator, hub: Hub) -> None:
    run_nightly(gator, "none")
    run = run_nightly(gator, "2")
    lines = re.findall(
        r"^    (gator (?:runs|status|logs|grep|failures|diff|trend) .*)$", PAGE.read_text(), re.M
    )
    assert len(lines) > 8
    for line in lines:
        if "hub.example" in line:
            # Another host.
            continue
        done = gator(*shlex.split(line.replace("hub:3a700579", f"hub:{run[:8]}"))[1:])
        done.expect(1 if "diff hub:-2" in line else 0)
        assert done.out.strip(), line
