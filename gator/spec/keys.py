"""The keys of the spec language, as one table from which loader, JSON Schema and inheritance are made.

A key is one entry here and one field of the protos. Its type names the functions that read a value
(`builders.settings` and others) and describe it (`schema`), so a key of an existing type needs no other code.
`CONTRIBUTING.md` has the steps.
"""

from enum import Enum
from typing import Final

from msgspec import Struct

JOB: Final = "!Job"
GROUP: Final = "!JobGroup"
ARRAY: Final = "!JobArray"
KINDS: Final = (JOB, GROUP, ARRAY)

_EVERY = KINDS
_LISTS = (GROUP, ARRAY)


class Inheritance(Enum):
    """How the value of a node follows from its own and that of the level above."""

    NONE = "none"
    """The node has only its own value."""
    NEAREST = "nearest"
    """The value of the nearest level that has one, as a whole."""
    BY_NAME = "by name"
    """Entries are merged by name, the nearest level first."""
    UNION = "union"
    """The entries of all levels."""


class Key(Struct, frozen=True):
    """One key of a node or of a mapping within."""

    name: str
    nodes: tuple[str, ...]
    """Tags of the nodes that may have it."""
    type: str
    """Type of the value."""
    doc: str
    """Description for editors."""
    field: str = ""
    """Path of the field in the message of the node; empty if it is the name."""
    inherits: Inheritance = Inheritance.NONE
    words: tuple[str, ...] = ()
    """Words of other tools for this key, from which a mistyped key is recognised."""
    root_only: bool = False

    @property
    def path(self) -> tuple[str, str]:
        """The message within that of the node, empty for the node's own, and the name of its field."""
        message, _, attribute = (self.field or self.name).rpartition(".")
        return message, attribute


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
        Key("repeats", (ARRAY,), "repeats", "How often each child runs; default 1.", words=("times",)),
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
        _setting("setup", "setup", "Shell text that is sourced before the command."),
        _setting(
            "runner", "runner", "How the command is started: process, python, container or of a package."
        ),
        _setting("timeout", "time_limit", "Longest time of one attempt.", attribute="timeout_millis"),
        _setting(
            "silence", "silence", "Longest time of an attempt without output, or growth of a watched file."
        ),
        _setting("grace", "duration", "Time from TERM to KILL; default 10s.", attribute="grace_millis"),
        _setting("stderr", "stderr", "Severity of a line on stderr; default auto."),
        _setting("parsers", "parsers", "Parsers of the output, whose messages count."),
        _setting("results", "results", "Reports of tests that the job writes, whose failures count."),
        _setting("commands", "boolean", "Whether lines of output that begin with :: are commands."),
        _setting("first_error", "first_error", "Pattern of the line that explains a failure."),
        _setting(
            "metrics",
            "metrics",
            "Metrics whose values are taken from lines of output. Merged by name.",
            Inheritance.BY_NAME,
        ),
        _setting("scratch", "scratch", "Gives each attempt a new folder of its own as its cwd."),
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
            "How often an attempt is tried again, by cause. Merged by sub-key.",
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
            "Shell texts that run before and after the node.",
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
        Key("allow_failure", _EVERY, "boolean", "A failure is shown and does not fail the group above."),
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
            "Longest time of the node with all its attempts.",
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
        Key("secrets", _LISTS, "names", "Variables whose values are masked.", root_only=True),
    )
}
"""Keys of nodes by name, in the order in which they are written."""

SUB_KEYS: Final = {
    "cores": (Key("count", (), "count", "Number of cores; 0 runs beside others without holding one."),),
    "memory": (
        Key("size", (), "size", "Amount of memory, with or without its unit."),
        Key("unit", (), "unit", "KB, MB, GB, TB or KiB, MiB, GiB, TiB in any case; default MB."),
        Key("enforce", (), "boolean", "Fails an attempt that uses more."),
    ),
    "license": (
        Key("name", (), "text", "Name of the license."),
        Key("count", (), "count", "Number of licenses; default 1, and 0 holds none."),
    ),
    "scratch": (
        Key("keep", (), "keep", "Which folders stay: failed (default), all or none."),
        Key("root", (), "text", "Where the folders are made; default is the folder of the run."),
    ),
    "first_error": (Key("match", (), "text", "Pattern of the line, in the syntax of RE2."),),
    "silence": (
        Key("for", (), "time_limit", "Longest time."),
        Key("watch", (), "text", "File whose growth counts as output, relative to the working directory."),
    ),
    "python": (
        Key("call", (), "text", "The function: package.module:function."),
        Key("with", (), "values", "Its keyword arguments."),
        Key("interpreter", (), "text", "The Python that calls it; default: the one that runs Gator."),
    ),
    "container": (
        Key("image", (), "text", "The image, or the folder of a root file system."),
        Key("mounts", (), "globs", "Further folders to mount: SOURCE:TARGET."),
        Key("tool", (), "text", "podman or apptainer; default: the first that is installed."),
        Key("options", (), "globs", "Further options of the tool."),
    ),
    "artefacts": (
        Key("produces", (), "products", "What the job makes: a path by name."),
        Key("consumes", (), "consumptions", "What it uses of other jobs, for which it waits: JOB.NAME."),
        Key("collect", (), "globs", "Globs of further files to keep."),
    ),
    "products": (
        Key("path", (), "text", "Path or glob, relative to the working directory of the job."),
        Key("keep", (), "boolean", "Whether it is kept after the run; default true."),
        Key("optional", (), "boolean", "Whether it may be missing."),
        Key("max", (), "size", "Largest size; default 10GB."),
    ),
    "consumptions": (
        Key("from", (), "text", "JOB.NAME: a job and the name of its artefact."),
        Key("when", (), "when", "passed (default), or done: the job need not pass."),
        Key("any", (), "boolean", "With `when: done`: also of jobs that failed."),
        Key("as", (), "as", "path (default), or copy: a copy to write to."),
    ),
    "hooks": (
        Key("before", (), "script", "Runs before the node, which fails if this fails."),
        Key("after", (), "script", "Runs last, whatever the outcome is."),
        Key("passed", (), "script", "Runs if the node passed."),
        Key("failed", (), "script", "Runs if the node failed or was lost."),
        Key("timeout", (), "time_limit", "Longest time of each; default 1m."),
    ),
    "causes": (
        Key("name", (), "text", "Name of the cause."),
        Key("match", (), "text", "Regular expression that occurs in the first error."),
        Key("paths", (), "text", "Pattern of the paths of jobs."),
        Key("ticket", (), "text", "Ticket about the cause."),
    ),
    "results": (
        Key("file", (), "text", "Path or glob of the report, relative to the working directory of the job."),
        Key("format", (), "format", "junit, tap or go; by default the beginning of the file says it."),
        Key("required", (), "boolean", "Whether it is an error if there is no such file."),
    ),
    "quarantine": (
        Key("owner", (), "text", "Who takes care of the failure."),
        Key("reason", (), "text", "Why the node fails."),
        Key("until", (), "date", "The last day, as YYYY-MM-DD; afterwards a failure counts."),
    ),
    "params": (
        Key("type", (), "param_type", "text, bool, number or list; by default the spelling of `default`."),
        Key("default", (), "param_value", "The value, unless --param gives another one."),
        Key("choices", (), "texts", "The only values that are permitted."),
        Key("required", (), "boolean", "Whether it has no default, so that --param must give its value."),
        Key("help", (), "text", "What it is for; --help-params prints it."),
    ),
    "metrics": (
        Key("match", (), "text", "Pattern of a line with a value, which is its group, in the syntax of RE2."),
        Key("kind", (), "metric_kind", "How values are combined: last (default), sum, min, max or mean."),
        Key("unit", (), "text", "Unit of the value."),
    ),
    "retries": (
        Key("count", (), "count", "Further attempts after a failure; default 0."),
        Key("reasons", (), "retry_reasons", "Reasons of failures after which there is one; default all."),
        Key("delay", (), "duration", "Time before a further attempt; default none."),
        Key("backoff", (), "factor", "Factor by which the delay grows with each further attempt; default 1."),
        Key("reseed", (), "boolean", "Whether a further attempt gets another seed."),
        Key("lost", (), "count", "Further attempts after one was lost to the infrastructure; default 1."),
    ),
    "expect": (
        Key("log", (), "tags", "Patterns; each must match a line of output."),
        Key("not_log", (), "tags", "Patterns that no line of output may match."),
        Key("exit", (), "tags", "Permitted exit codes and signals; default 0."),
        Key("metrics", (), "contracts", "Conditions on metrics, such as '>= 80', by name."),
    ),
    "limits": (
        Key("warning", (), "limit", "Messages of severity WARNING; default none, which is no limit."),
        Key("error", (), "limit", "Messages of severity ERROR; default 0."),
        Key("critical", (), "limit", "Messages of severity CRITICAL; default 0."),
    ),
}
"""Keys of mappings within, by the type of value or the tag they belong to."""

RANGES: Final = {"integer": (-1_000_000, 1_000_000), "nice": (-39, 39)}
"""Smallest and largest value of the types that are plain whole numbers."""

PARSERS: Final = (
    "aldec",
    "ansible",
    "apt",
    "auto",
    "bundlers",
    "cadence",
    "cmake",
    "cocotb",
    "curl",
    "docker",
    "dotnet",
    "embedded",
    "fortran",
    "gcc",
    "generic",
    "ghdl",
    "git",
    "github",
    "go",
    "gtest",
    "harmless",
    "icarus",
    "java",
    "jest",
    "kernel",
    "languages",
    "latex",
    "lint",
    "make",
    "meson",
    "mpi",
    "ninja",
    "node",
    "nvc",
    "osvvm",
    "perl",
    "php",
    "pip",
    "pytest",
    "python",
    "quartus",
    "questa",
    "robot",
    "ruby",
    "rust",
    "shell",
    "slang",
    "slurm",
    "snakemake",
    "spice",
    "svunit",
    "synopsys",
    "tap",
    "tcl",
    "uvm",
    "vcs",
    "verible",
    "verilator",
    "vivado",
    "vunit",
    "xcelium",
    "yosys",
)
"""Names of the built-in parsers; `auto` is all of them."""
MATCHER_SUFFIXES: Final = (".json", ".jsonc")
"""Ends of names of files with problem matchers."""
_PARSER_SUFFIXES: Final = (".yaml", ".yml", *MATCHER_SUFFIXES)


def is_parser_file(name: str) -> bool:
    """Returns whether the name of a parser is that of a file."""
    return "/" in name or name.endswith(_PARSER_SUFFIXES)


PARSER_KEYS: Final = ("name", "about", "precedence", "entries", "others")
"""Keys of a file with a parser."""
MATCHERS: Final = ("vscode", "github")
"""Keys of a parser that is a file with problem matchers."""
ENTRY_KEYS: Final = (
    "match",
    "severity",
    "decisive",
    "rank",
    "continues",
    "until",
    "key",
    "root",
    "joins",
    "where",
    "needs",
    "consequence",
    "then",
    "loop",
    "metric",
    "words",
    "examples",
)
"""Keys of an entry of a parser."""

ENTRY_PATTERNS: Final = (
    "match",
    "continues",
    "until",
    "key",
    "root",
    "joins",
    "where",
    "needs",
    "consequence",
)
"""Keys of an entry whose values are patterns."""

METRIC_KINDS: Final = ("last", "sum", "min", "max", "mean")
"""Ways to combine the values of a metric."""
RESULT_FORMATS: Final = ("junit", "tap", "go")
"""Formats of reports of tests."""
PARAM_TYPES: Final = ("text", "bool", "number", "list")
RETRY_REASONS: Final = (
    "artefact",
    "exit",
    "hang",
    "hook",
    "limit",
    "lost",
    "memory",
    "metric",
    "not_started",
    "pattern",
    "signal",
    "timeout",
)
"""Reasons of failures after which a job can be tried again."""
FLAKY_MODES: Final = ("pass", "fail")
STDERR_MODES: Final = ("auto", "info", "warning", "error", "merge")
WHENS: Final = ("passed", "done")
"""When a job gets an artefact."""
FORMS: Final = ("path", "copy")
"""What a job gets of an artefact."""
KEEPS: Final = ("failed", "all", "none")

ULIMITS: Final = {
    "as": True,
    "core": True,
    "cpu": False,
    "data": True,
    "fsize": True,
    "memlock": True,
    "msgqueue": True,
    "nice": False,
    "nofile": False,
    "nproc": False,
    "rss": True,
    "rtprio": False,
    "rttime": False,
    "sigpending": False,
    "stack": True,
}
"""Whether a limit of setrlimit(2) is in bytes, by its name; `locks` is the birthmark of jobs."""

LATER: Final = frozenset(
    (
        "also_log",
        "debug",
        "labels",
    )
)
"""Keys that are reserved for later versions."""

KEYS_OF: Final = {kind: {key.name: key for key in NODE_KEYS.values() if kind in key.nodes} for kind in KINDS}
"""Keys of each kind of node."""
