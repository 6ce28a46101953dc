"""The sources of the page: types, lint, tests without a browser, licenses, and the build."""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import backend
import pytest
import web_page

ROOT = Path(__file__).parents[4]
WEB = ROOT / "hub" / "web"
PAGE = ROOT / "hub" / "gator_hub" / "web" / "page"
MAX_FIRST_LOAD_BYTES = 160 * 1000
needs_packages = pytest.mark.skipif(
    not (WEB / "node_modules" / "vitest").is_dir(),
    reason="needs packages of npm: tools/wheel/web_page.py --with-tests",
)
needs_page = pytest.mark.skipif(
    not (PAGE / "index.html").is_file(), reason="needs a built page: tools/wheel/web_page.py"
)


def lock() -> dict[str, Any]:
    return json.loads((WEB / "package-lock.json").read_text())["packages"]


def node(*args: str) -> str:
    """What a program of npm prints; it must succeed."""
    environ = web_page.environ_of_node()
    done = subprocess.run(
        ["node", *args], cwd=WEB, env=environ, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_lock_file_names_no_registry_and_checks_every_package() -> None:
    packages = lock()
    assert len(packages) > 10
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or "integrity" in package, name


@needs_packages
def test_types_are_right() -> None:
    node("node_modules/typescript/bin/tsc", "--noEmit")


@needs_packages
def test_lint_finds_nothing() -> None:
    node(
        "node_modules/oxlint/bin/oxlint",
        "--deny-warnings",
        "src",
        "tests",
        "screenshots",
        "notices.ts",
        "vite.config.ts",
    )


@needs_packages
def test_every_export_and_package_is_used() -> None:
    node("node_modules/knip/bin/knip.js")


@needs_packages
def test_what_needs_no_browser_works() -> None:
    node("node_modules/vitest/vitest.mjs", "run", "--project", "unit")


@needs_page
def test_the_notices_name_the_packages_in_the_bundle_in_the_versions_of_the_lock_file() -> None:
    notices = (PAGE / "THIRD_PARTY_NOTICES.txt").read_text()
    found = dict(re.findall(r"^-{80}\n(\S+) (\S+) \(", notices, re.MULTILINE))
    assert {"preact", "uplot", "anser", "wouter-preact", "@bufbuild/protobuf"} <= found.keys()
    locked = lock()
    for name, version in found.items():
        assert locked[f"node_modules/{name}"]["version"] == version


@needs_page
def test_the_first_load_of_the_page_is_small() -> None:
    files = [PAGE / "index.html", *(PAGE / "assets").glob("*")]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < MAX_FIRST_LOAD_BYTES


@needs_page
def test_the_page_has_no_script_or_style_of_its_own_and_names_no_other_host() -> None:
    text = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    assert "http" not in re.sub(r"<!--.*?-->", "", text)


def test_a_page_is_fresh_until_one_of_its_files_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    web, page = tmp_path / "hub" / "web", tmp_path / "page"
    (web / "src" / "gen").mkdir(parents=True)
    page.mkdir()
    (web / "src" / "main.tsx").write_text("one")
    tool = tmp_path / "web_page.py"
    tool.write_text("")
    for name, value in {"ROOT": tmp_path, "WEB": web, "PAGE": page, "__file__": str(tool)}.items():
        monkeypatch.setattr(web_page, name, value)
    assert not web_page.is_fresh()
    (page / ".inputs").write_text(web_page.inputs())
    assert web_page.is_fresh()
    (web / "src" / "gen" / "made.ts").write_text("made")
    assert web_page.is_fresh()
    (web / "src" / "main.tsx").write_text("two")
    assert not web_page.is_fresh()


def test_a_page_that_cannot_be_built_is_one_line_of_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build() -> None:
        raise web_page.PageError("the registry cannot be reached")

    monkeypatch.setattr(web_page, "is_fresh", lambda: False)
    monkeypatch.setattr(web_page, "build", build)
    monkeypatch.delenv("GATOR_NO_WEB", raising=False)
    backend.build_page()
    assert capsys.readouterr().err == (
        "warning: the web page of the hub is not built: the registry cannot be reached\n"
    )
    assert set(web_page.REQUIREMENTS) <= set(backend.get_requires_for_build_wheel())
    monkeypatch.setenv("GATOR_NO_WEB", "1")
    backend.build_page()
    assert capsys.readouterr().err == ""
    assert not set(web_page.REQUIREMENTS) & set(backend.get_requires_for_build_wheel())
