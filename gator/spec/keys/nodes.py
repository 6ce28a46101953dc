"""The keys of nodes."""

from collections.abc import Mapping
from typing import Final

from gator.spec.keys.entry import ARRAY, GROUP, JOB, KINDS, Inheritance, Key

_EVERY = KINDS
_LISTS = (GROUP, ARRAY)


def _setting(
    name: str,
    type: str,  # noqa: A002 - as the field is called
    doc: str,
    inherits: Inheritance = Inheritance.NEAREST,
    *,
    attribute: str = "",
    words: tuple[str, ...] = (),
) -> Key:
    """Returns a key that every level may have and that is inherited."""
    return Key(name, _EVERY, type, doc, f"settings.{attribute or name}", inherits, words)


NODE_KEYS: Final = {
    key.name: key
    for key in (
        Key("ident", _EVERY, "ident", "Name among its siblings.", words=("id", "name")),
        Key(
            "command",
            (JOB,),
            "program",
            "Program to run, found through the PATH of the job; no shell.",
            words=("cmd", "exec", "run"),
        ),
        Key("args", (JOB,), "arguments", "Arguments of the command.", words=("argv", "arguments")),
        Key(
            "shell",
            (JOB,),
            "script",
            "A script for `bash -euo pipefail`, in place of command and args.",
            words=("bash", "script"),
        ),
        Key(
            "resources",
            (JOB,),
            "resources",
            "What the job holds while it runs: !Cores, !Memory, !License.",
            words=("cores", "cpu", "cpus", "license", "licence", "memory", "mem", "requires", "resource"),
        ),
        Key(
            "jobs", _LISTS, "nodes", "The children, in order.", words=("children", "steps", "tasks", "tests")
        ),
        Key(
            "repeats",
            (ARRAY,),
            "repeats",
            "Number of times that each child runs; default 1.",
            words=("times",),
        ),
        Key(
            "matrix",
            (ARRAY,),
            "matrix",
            "Lists of values by name; each child runs for every combination. Or a list of rows.",
            words=("axes", "combinations"),
        ),
        Key(
            "exclude", (ARRAY,), "exclude", "Combinations of the matrix that are left out.", "matrix.exclude"
        ),
        Key(
            "on_pass",
            _EVERY,
            "references",
            "Waits until these have passed.",
            "order.on_pass",
            words=("after", "depends", "depends_on", "deps", "needs"),
        ),
        Key("on_fail", _EVERY, "references", "Waits until these have failed.", "order.on_fail"),
        Key(
            "on_done",
            _EVERY,
            "references",
            "Waits until these have ended, with any outcome.",
            "order.on_done",
        ),
        _setting(
            "env",
            "environment",
            "Environment variables; null removes one. Merged by name.",
            Inheritance.BY_NAME,
            words=("environment", "vars", "variables"),
        ),
        _setting(
            "params",
            "params",
            "Parameters, which ${{ params.NAME }} and --param NAME=VALUE refer to. Merged by name.",
            Inheritance.BY_NAME,
            words=("parameters",),
        ),
        _setting(
            "cwd",
            "folder",
            "Working directory, relative to the directory in which gator run was started.",
            words=("chdir", "dir", "directory", "workdir", "working_dir", "working_directory"),
        ),
        _setting("setup", "setup", "Shell script that is sourced before the command."),
        _setting(
            "runner", "runner", "How the command is started: process, python, container or of a package."
        ),
        _setting("timeout", "time_limit", "Maximum time of one attempt.", attribute="timeout_millis"),
        _setting("starts", "starts", "Pattern of the line at which the time of `timeout` begins."),
        _setting(
            "silence", "silence", "Maximum time of an attempt without output, or growth of a watched file."
        ),
        _setting("grace", "duration", "Time from TERM to KILL; default 10s.", attribute="grace_millis"),
        _setting("stderr", "stderr", "Severity of a line on stderr; default auto."),
        _setting("parsers", "parsers", "Parsers of the output, whose messages count."),
        _setting("results", "results", "Reports of tests that the job writes, whose failures count."),
        _setting("commands", "boolean", "Whether lines of output that begin with :: are commands."),
        _setting(
            "also_log",
            "log_files",
            "Files that are read as further streams of the output.",
            words=("logs", "tail"),
        ),
        _setting("first_error", "first_error", "Pattern of the line that explains a failure."),
        _setting(
            "metrics",
            "metrics",
            "Metrics whose values are taken from lines of output. Merged by name.",
            Inheritance.BY_NAME,
        ),
        _setting("scratch", "scratch", "Gives each attempt a new folder of its own as its cwd."),
        _setting("jobserver", "jobserver", "Offers make, ninja and cargo the cores of the job."),
        _setting("tty", "boolean", "Makes stdout a pseudo-terminal."),
        _setting("nice", "nice", "Added to the niceness of gator run."),
        _setting(
            "ulimit",
            "ulimit",
            "Limits of a process, by their name in setrlimit(2). Merged by name.",
            Inheritance.BY_NAME,
        ),
        _setting(
            "retries",
            "retries",
            "Number of times that an attempt is tried again, by cause. Merged by sub-key.",
            Inheritance.BY_NAME,
            words=("retry",),
        ),
        _setting("flaky", "flaky", "Outcome of a job that passes after a failed attempt: pass or fail."),
        _setting(
            "limits",
            "limits",
            "More messages than this fail an attempt. Merged by sub-key.",
            Inheritance.BY_NAME,
        ),
        _setting(
            "tags",
            "tags",
            "Names to select by, merged with those above.",
            Inheritance.UNION,
            words=("label",),
        ),
        Key(
            "hooks",
            _EVERY,
            "hooks",
            "Shell scripts that run before and after the node.",
            words=("before_script", "after_script", "pre", "post"),
        ),
        Key(
            "artefacts",
            (JOB,),
            "artefacts",
            "Files and folders that the job makes, and those of other jobs that it uses.",
            words=("artifacts", "outputs"),
        ),
        Key(
            "when",
            _EVERY,
            "when",
            "true or false, also from a parameter or the matrix: whether the node is selected.",
            words=("condition", "enabled", "if"),
        ),
        Key(
            "quarantine",
            _EVERY,
            "quarantine",
            "Tolerates failures until a date: owner, reason and until.",
            words=("known_failure", "xfail"),
        ),
        Key("allow_failure", _EVERY, "boolean", "Shows a failure without failing the group above."),
        Key(
            "expect",
            _EVERY,
            "expect",
            "What must hold to pass: lines, exit codes and metrics of a job, metrics of a group.",
            words=("assert", "expects", "expected"),
        ),
        Key("priority", _EVERY, "integer", "Larger starts first; that of a group is added to its jobs'."),
        Key(
            "seed",
            _EVERY,
            "seed",
            "Seed, 1 to 2147483647, from which those below are made; on the root also random.",
        ),
        Key(
            "deadline",
            _EVERY,
            "time_limit",
            "Maximum time of the node with all its attempts.",
            "deadline_millis",
        ),
        Key("max_fail", _LISTS, "max_fail", "After this many failed jobs below nothing new starts."),
        Key(
            "max_fail_per_cause",
            _LISTS,
            "max_fail",
            "After this many failed jobs below with the same cause nothing new starts.",
        ),
        Key("licenses", _LISTS, "pools", "Pools of licenses: how many of each there are.", root_only=True),
        Key(
            "causes",
            _LISTS,
            "causes",
            "Rules that name the causes of failures, the first that applies.",
            root_only=True,
        ),
        Key("labels", _LISTS, "labels", "Labels of the run, by name.", root_only=True),
        Key("secrets", _LISTS, "names", "Variables whose values are masked.", root_only=True),
    )
}
"""Keys of nodes by name, in the order in which they are written."""

LATER: Final = frozenset(
    (
        "debug",
        "inputs",
    )
)
"""Keys that are reserved for later versions."""

KEYS_OF: Final = {kind: {key.name: key for key in NODE_KEYS.values() if kind in key.nodes} for kind in KINDS}
"""Keys of each kind of node."""

DEFERRED: Final[Mapping[str, tuple[str, ...]]] = {
    "boolean": (),
    "duration": (),
    "expect": (),
    "flaky": (),
    "hooks": ("timeout",),
    "integer": (),
    "jobserver": (),
    "limits": (),
    "max_fail": (),
    "nice": (),
    "quarantine": (),
    "resources": (),
    "retries": (),
    "scratch": ("keep",),
    "seed": (),
    "silence": (),
    "stderr": (),
    "tags": (),
    "time_limit": (),
    "ulimit": (),
}
"""Types of values that are read when their placeholders are filled in, and parts to which that is limited."""
WITHOUT_MATRIX: Final = ("seed", "tags")
"""Keys whose value is the same in all instances of a node."""
ROOT_AT_ONCE: Final = ("seed",)
"""Keys that are read at once on the root."""
