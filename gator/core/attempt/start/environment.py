"""Prepares the start of a job: its argv, environment and working directory.

Invariant: pure; the environment of the launch and everything that Gator adds are arguments.
"""

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, field

from gator.core.attempt.artefacts import variable_of
from gator.core.attempt.hooks import outcome_word, reason_word
from gator.core.attempt.start.params import PREFIX, add_params, param_pairs
from gator.core.attempt.start.runners import PYTHON, describe_call, options_of, python_argv
from gator.core.redact import hide, secret_values
from gator.path_patterns import slug
from gator.spec.exec_limits import byte_length
from gator.spec.expand import expand
from gator.spec.literal import MARK, MARKED, literal, marked, unmarked
from gator.units import plural
from gator.v1 import attach_pb2, common_pb2, spec_pb2

BASH = ("bash", "-euo", "pipefail", "-c")
OWN_NAMES = (
    "GATOR_PARENT",
    "GATOR_TOKEN",
    "GATOR_RUN",
    "GATOR_RUN_DIR",
    "GATOR_DAEMON",
    "GATOR_PATH",
    "GATOR_SLUG",
    "GATOR_ATTEMPT",
    "GATOR_SEED",
    "GATOR_CORES",
    "GATOR_MEMORY_MB",
    "GATOR_ARRAY_INDEX",
    "GATOR_SCRATCH",
    "GATOR_FAILURES",
    "GATOR_OUTCOME",
    "GATOR_REASON",
    "GATOR_PARAMS",
)
"""Variables that Gator sets; values from the launch or a spec do not reach a job."""
HUB_TOKEN = "GATOR_HUB_TOKEN"  # noqa: S105 - a name
HUB_TOKEN_FILE = "hub.token"  # noqa: S105 - a name
"""File in the folder of a run with the launch's token for the hub, readable only by the user."""

MAX_SCRIPT_BYTES = 96 * 1024
"""Maximum length of a script passed as an argument, below the kernel's limit; longer ones go to files."""

_OWN = frozenset(OWN_NAMES)
_MEGABYTE = 1_000_000
_FILL = re.compile(MARKED + r"|\$\$\{\{|\$\{\{\s*(attempt|scratch|cores|artefacts\.[^{}\s]+)\s*\}\}")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:=,@%+-]*")


class UnsafeScriptError(ValueError):
    """A value for a script is not one plain word to a shell."""


class Inputs(Struct, frozen=True):
    """The values that an attempt gets from jobs that ran before it."""

    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values of `${{ }}` by name."""
    problem: str = ""
    """The problem if something is missing; else empty."""


NO_INPUTS: Final = Inputs()


class Prepared(Struct, frozen=True):
    """The parameters of a spawn.

    `shown` and `shown_cwd` are `argv` and `cwd` for display, with secrets masked. `cwd` is absolute. A
    non-empty `script` has to be written to `script_file`, which is in `argv`, before the start.
    """

    argv: list[str]
    shown: list[str]
    shown_cwd: str
    env: dict[str, str]
    cwd: str
    script: str = ""
    script_file: str = ""


def job_environment(launch: Mapping[str, str], own: Iterable[spec_pb2.EnvVariable]) -> dict[str, str]:
    """Returns a job's environment according to its plan, without the variables that Gator itself sets."""
    environment = {"PYTHONUNBUFFERED": "1", **launch}
    for variable in own:
        environment.pop(variable.name, None)
        if variable.HasField("value"):
            environment[variable.name] = unmarked(variable.value)
    return environment


def hook_environment(
    env: Mapping[str, str],
    outcome: common_pb2.Outcome.ValueType,
    reason: common_pb2.Reason.ValueType,
) -> dict[str, str]:
    """Returns the environment of a hook from that of its job; before the end it has no outcome."""
    words = {"GATOR_OUTCOME": outcome_word(outcome), "GATOR_REASON": reason_word(reason)}
    return {**env, **{name: word for name, word in words.items() if outcome}}


class Launcher:
    """Prepares the attempts of one run.

    `environment` is that of the launch, `folder` that of the run, `launch_dir` the absolute folder to
    which a relative cwd belongs. `parent` is the address where a job's processes reach Gator, empty if
    they cannot. `secrets` are names of variables to mask besides those recognised by name; `exists` tells
    whether a value is an existing path.
    """

    __slots__ = ("_base", "_exists", "_launch_dir", "_names", "_secrets", "folder", "run")

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        run: str,
        folder: str,
        launch_dir: str,
        daemon: str = "",
        parent: str = "",
        secrets: Collection[str] = (),
        exists: Callable[[str], bool] = lambda path: False,
    ) -> None:
        base = {
            name: value
            for name, value in environment.items()
            if name not in _OWN and not name.startswith(PREFIX)
        }
        base.setdefault("PYTHONUNBUFFERED", "1")
        base |= {"GATOR_RUN": run, "GATOR_RUN_DIR": folder, "GATOR_DAEMON": daemon}
        if parent:
            base["GATOR_PARENT"] = parent
        self._names, self._exists = frozenset(secrets), exists
        self._secrets = secret_values(base.items(), self._names, exists)
        if base.pop(HUB_TOKEN, ""):
            # Unlike an argument or a variable, a file appears neither in `ps` nor in printed environments.
            base[f"{HUB_TOKEN}_FILE"] = f"{folder}/{HUB_TOKEN_FILE}"
        self._base = base
        self._launch_dir = launch_dir
        self.folder = folder
        self.run = run

    def prepare(
        self, node: attach_pb2.LaunchNode, token: str, scratch: str = "", inputs: Inputs = NO_INPUTS
    ) -> Prepared:
        """Returns the parameters for the start of an attempt; `scratch` is its own folder, if it has one.

        Raises UnsafeScriptError, and UserError where a string cannot be expanded.
        """
        job = node.job
        settings = job.settings
        filler = _Filler(node, scratch, inputs.names)
        env = self._base.copy()
        if settings.env:
            overlay = {
                v.name: v for v in settings.env if v.name not in _OWN and not v.name.startswith(PREFIX)
            }
            for name, variable in overlay.items():
                if variable.HasField("value"):
                    env[name] = filler.fill(variable.value)
                else:
                    env.pop(name, None)
        _add_own(env, node, token, scratch)
        env |= inputs.environment
        if settings.params:
            add_params(env, settings.params, filler.fill)
        argv = _argv(job, filler, env)
        cwd = self._cwd(settings, filler, scratch)
        env["PWD"] = cwd
        *shown, shown_cwd = hide([*argv, cwd], [token, *self._secrets_of(node)])
        if (job.shell or settings.setup) and byte_length(_script_of(argv)) > MAX_SCRIPT_BYTES:
            file = f"{self.folder}/scripts/{slug(node.path)}.{node.attempt}"
            return Prepared(_by_file(argv, file), shown, shown_cwd, env, cwd, _in_file(argv), file)
        return Prepared(argv, shown, shown_cwd, env, cwd)

    def runner_options(self, node: attach_pb2.LaunchNode) -> dict[str, Any]:
        """Returns the options of the runner of a job."""
        return options_of(node.job.settings.runner, _Filler(node, "").fill)

    def hook(
        self,
        node: attach_pb2.LaunchNode,
        prepared: Prepared,
        inputs: Inputs,
        name: str,
        outcome: common_pb2.Outcome.ValueType,
        reason: common_pb2.Reason.ValueType,
    ) -> tuple[list[str], dict[str, str]]:
        """Returns the command line and environment of a hook. Raises UnsafeScriptError."""
        filler = _Filler(node, prepared.env.get("GATOR_SCRATCH", ""), inputs.names)
        script = spec_pb2.Job(shell=getattr(node.job.hooks, name))
        script.settings.setup = node.job.settings.setup
        return _argv(script, filler, {}), hook_environment(prepared.env, outcome, reason)

    def hide(self, text: str, node: attach_pb2.LaunchNode) -> str:
        """Returns a string about a job with the secrets of the job and of the launch masked."""
        return hide([text], self._secrets_of(node))[0]

    def _secrets_of(self, node: attach_pb2.LaunchNode) -> list[str]:
        own, params = node.job.settings.env, node.job.settings.params
        if not own and not params:
            return self._secrets
        pairs = [(variable.name, unmarked(variable.value)) for variable in own]
        for param in params:
            pairs += param_pairs(param)
        return self._secrets + secret_values(pairs, self._names, self._exists)

    def fill(self, text: str, node: attach_pb2.LaunchNode) -> str:
        """Returns a string of a job with the names filled in that are known before its scratch folder."""
        return _Filler(node, "").fill(text)

    def _cwd(self, settings: spec_pb2.Settings, filler: "_Filler", scratch: str) -> str:
        if scratch:
            return scratch
        cwd = filler.fill(settings.cwd)
        if not cwd:
            return self._launch_dir
        return cwd if cwd.startswith("/") else f"{self._launch_dir}/{cwd}"


class _Filler:
    """Fills in the names that are known only when an attempt starts, in one pass."""

    __slots__ = ("_values",)

    def __init__(
        self, node: attach_pb2.LaunchNode, scratch: str, names: Mapping[str, str] = NO_INPUTS.names
    ) -> None:
        own = {"attempt": str(node.attempt), "cores": str(node.cores), "scratch": scratch}
        self._values = {**own, **names} if names else own

    def fill(self, text: str) -> str:
        """Returns the text with the names filled in."""
        if "${{" not in text and MARK not in text:
            return text
        return _FILL.sub(lambda match: self._value(match) if match[1] else literal(match[0]), text)

    def expand(self, text: str, env: Mapping[str, str]) -> str:
        """Returns the text with the names filled in, and variables expanded in the text around them."""
        if "${{" in text:
            text = _FILL.sub(self._marked, text)
        return expand(text, env)

    def _marked(self, match: re.Match[str]) -> str:
        return match[0] if match[0][0] == MARK else marked(self._value(match) if match[1] else "${{")

    def _value(self, match: re.Match[str]) -> str:
        return self._values.get(match[1], match[0])

    def script(self, text: str) -> str:
        """Returns the script with the names filled in; raises UnsafeScriptError."""
        if "${{" not in text and MARK not in text:
            return text
        for match in _FILL.finditer(text):
            name = match[1]
            if name and _PLAIN_WORD.fullmatch(self._values.get(name, "")) is None:
                instead = variable_of(name.partition(".")[2]) if "." in name else "GATOR_SCRATCH"
                raise UnsafeScriptError(
                    f'the value of ${{{{ {name} }}}} is not one plain word: use "${instead}" in a script'
                )
        return self.fill(text)


def _argv(job: spec_pb2.Job, filler: _Filler, env: Mapping[str, str]) -> list[str]:
    """Returns the command line, with the setup before the command or script if there is one.

    The setup stops at its first failing command, whose exit code is then that of the attempt. A script runs
    in the same shell as its setup and can use its functions; a command replaces the shell by exec.
    """
    setup = filler.script(job.settings.setup)
    if job.shell:
        script = filler.script(job.shell)
        if not setup:
            return [*BASH, script]
        return ["bash", "-c", f"set -e\n{setup}\nset -euo pipefail\n{script}"]
    if job.settings.runner.name == PYTHON:
        argv = python_argv(job.settings.runner, filler.fill)
    else:
        argv = [filler.expand(job.command, env)]
        argv += [filler.expand(arg, env) for arg in job.args]
    if not setup:
        return argv
    return ["bash", "-c", f'set -e\n{setup}\nexec "$@"', "setup", *argv]


def _script_of(argv: Sequence[str]) -> str:
    """Returns the script in a command line made by `_argv`."""
    return argv[argv.index("-c") + 1]


def _by_file(argv: Sequence[str], file: str) -> list[str]:
    """Returns the command line with the script in a file, without the name that follows a script."""
    at = argv.index("-c")
    return [*argv[:at], file, *argv[at + 3 :]]


def _in_file(argv: Sequence[str]) -> str:
    """Returns the script in the form for a file.

    It sets $0 as `bash -c` does, on the first line, so that line numbers stay the same.
    """
    at = argv.index("-c")
    name = argv[at + 2] if len(argv) > at + 2 else argv[0]
    return f"BASH_ARGV0={name}; {argv[at + 1]}"


def describe_command(job: spec_pb2.Job) -> tuple[str, int | None]:
    """Returns a job's command line as written, and the number of words before it in its argv.

    A script is described; then the number is None, because its argv has no words of the job.
    """
    if job.shell:
        lines = job.shell.strip().count("\n") + 1
        return f"shell script of {plural(lines, 'line')}", None
    if job.settings.runner.name == PYTHON:
        return describe_call(job.settings.runner), None
    return shlex.join([job.command, *job.args]).replace(MARK, ""), 4 if job.settings.setup else 0


def _add_own(env: dict[str, str], node: attach_pb2.LaunchNode, token: str, scratch: str) -> None:
    env["GATOR_TOKEN"] = token
    env["GATOR_PATH"] = node.path
    env["GATOR_SLUG"] = slug(node.path)
    env["GATOR_ATTEMPT"] = str(node.attempt)
    env["GATOR_SEED"] = str(node.seed)
    env["GATOR_CORES"] = str(node.cores)
    env["GATOR_MEMORY_MB"] = str(node.job.resources.memory_bytes // _MEGABYTE)
    if node.HasField("array_index"):
        env["GATOR_ARRAY_INDEX"] = str(node.array_index)
    if scratch:
        env["GATOR_SCRATCH"] = scratch
