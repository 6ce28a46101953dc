"""The values of keys that have only certain ones."""

from typing import Final

RANGES: Final = {"integer": (-1_000_000, 1_000_000), "nice": (-39, 39)}
"""Smallest and largest value of the types that are plain whole numbers."""

PARSERS: Final = (
    "aldec",
    "ansible",
    "apt",
    "auto",
    "bundlers",
    "cadence",
    "cloud",
    "cmake",
    "cocotb",
    "curl",
    "database",
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
    "lit",
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
    "before",
    "tail",
    "final",
    "consequence",
    "then",
    "loop",
    "test",
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
    "before",
    "tail",
    "final",
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
"""Values of `as`: the way in which a job gets an artefact."""
MAX_LABEL_NAME: Final = 128
"""Maximum number of characters in the name of a label."""
MAX_LABEL_VALUE: Final = 512
"""Maximum number of characters in the value of a label."""
MAX_LOG_FILES: Final = 8
"""Maximum number of files of `also_log`. Each is a stream."""
JOBSERVER_FORMS: Final = ("fifo", "pipe")
"""Forms of the jobserver: a named pipe, or inherited descriptors of a pipe."""
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
