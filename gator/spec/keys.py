"""The words of the spec language, as one table to which the loader, the JSON Schema and the docs are held.

Rule: data only. What a type of value takes is in `schema` for editors and in the modules that read it.
"""

from typing import Final

from msgspec import Struct

JOB: Final = "!Job"
GROUP: Final = "!JobGroup"
ARRAY: Final = "!JobArray"
KINDS: Final = (JOB, GROUP, ARRAY)

_EVERY = KINDS
_LISTS = (GROUP, ARRAY)


class Key(Struct, frozen=True):
    """One key: on which nodes it stands, the type of its value, and what it is for."""

    name: str
    nodes: tuple[str, ...]
    type: str
    doc: str
    root_only: bool = False


NODE_KEYS: Final = {
    key.name: key
    for key in (
        Key("ident", _EVERY, "ident", "Name among its siblings."),
        Key("command", (JOB,), "text", "Program to run, found through the PATH of the job; no shell."),
        Key("args", (JOB,), "texts", "Arguments of the command."),
        Key("shell", (JOB,), "text", "A script for `bash -euo pipefail`, in place of command and args."),
        Key("resources", (JOB,), "resources", "What the job holds while it runs: !Cores, !Memory, !License."),
        Key("jobs", _LISTS, "nodes", "The children, in order."),
        Key("repeats", (ARRAY,), "count", "How often each child runs; default 1."),
        Key("on_pass", _EVERY, "references", "Waits until these have passed."),
        Key("on_fail", _EVERY, "references", "Waits until these have failed."),
        Key("on_done", _EVERY, "references", "Waits until these have ended, whatever came of them."),
        Key("env", _EVERY, "environment", "Environment variables; null removes one. Merged by name."),
        Key("cwd", _EVERY, "text", "Working directory, relative to the folder of the launch."),
        Key("setup", _EVERY, "text", "Shell text that is sourced before the command."),
        Key("timeout", _EVERY, "duration", "Longest time of one attempt."),
        Key("grace", _EVERY, "duration", "Time from TERM to KILL; default 10s."),
        Key("stderr", _EVERY, "stderr", "What a line on stderr means; default error."),
        Key("scratch", _EVERY, "scratch", "Gives each attempt a new folder of its own as its cwd."),
        Key("tty", _EVERY, "boolean", "Makes stdout a pseudo-terminal."),
        Key("nice", _EVERY, "nice", "Added to the niceness of the launch."),
        Key(
            "ulimit", _EVERY, "ulimit", "Limits of a process, by their name in setrlimit(2). Merged by name."
        ),
        Key(
            "retries", _EVERY, "retries", "How often an attempt is tried again, by cause. Merged by sub-key."
        ),
        Key("limits", _EVERY, "limits", "More messages than this fail an attempt. Merged by sub-key."),
        Key("tags", _EVERY, "tags", "Names to select by, united with those above."),
        Key("allow_failure", _EVERY, "boolean", "A failure is shown and does not fail the group above."),
        Key("priority", _EVERY, "integer", "Larger starts first; that of a group is added to its jobs'."),
        Key(
            "seed",
            _EVERY,
            "seed",
            "Seed, 1 to 2147483647, from which those below are made; on the root also random.",
        ),
        Key("deadline", _EVERY, "duration", "Longest time of the node with all its attempts."),
        Key("max_fail", _LISTS, "max_fail", "After this many failed jobs below nothing new starts."),
        Key("licenses", _LISTS, "pools", "Pools of licences: how many of each there are.", root_only=True),
        Key("secrets", _LISTS, "tags", "Variables whose values are masked.", root_only=True),
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
        Key("name", (), "text", "Name of the licence."),
        Key("count", (), "count", "Number of licences; default 1, and 0 holds none."),
    ),
    "scratch": (
        Key("keep", (), "keep", "Which folders stay: failed (default), all or none."),
        Key("root", (), "text", "Where the folders are made; default is the folder of the run."),
    ),
    "retries": (Key("lost", (), "count", "After an attempt was lost to the infrastructure; default 1."),),
    "limits": (
        Key("warning", (), "limit", "Messages of severity WARNING; default none, which is no limit."),
        Key("error", (), "limit", "Messages of severity ERROR; default 0."),
        Key("critical", (), "limit", "Messages of severity CRITICAL; default 0."),
    ),
}
"""Keys of the mappings within, by the type of value or the tag they belong to."""

STDERR_MODES: Final = ("info", "warning", "error", "merge")
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
        "artefacts",
        "debug",
        "exclude",
        "expect",
        "hooks",
        "labels",
        "matrix",
        "metrics",
        "params",
        "parsers",
        "runner",
        "silence",
        "when",
    )
)
"""Words of the language that a later version is to know."""

LATER_RETRIES: Final = frozenset(("count", "causes", "delay", "reseed"))

KEYS_OF: Final = {kind: {key.name: key for key in NODE_KEYS.values() if kind in key.nodes} for kind in KINDS}
"""Keys of each kind of node."""
