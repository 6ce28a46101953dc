"""The commands as data, so that `gator --help` imports none of them."""

from typing import Final

from msgspec import Struct

RUNNING: Final = "Run"
READING: Final = "Look at a run"
FOLDERS: Final = "Manage runs"
SPECS: Final = "Look at a spec"
INSIDE: Final = "Inside a job"


class Command(Struct, frozen=True):
    """A command: its help, and the module of its function."""

    help: str
    panel: str
    module: str
    """Module below `gator.cli.commands`; its function has the name of the command."""
    examples: tuple[str, ...] = ()
    function: str = ""
    """Name of the function if it differs from that of the command."""
    lasting: bool = False
    """Whether it does more than print, so that a closed stdout must not end it."""
    takes_numbers: bool = False
    """Whether an argument may be a number such as `-2`, which otherwise is an unknown option."""


COMMANDS: Final[dict[str, Command]] = {
    "run": Command(
        "Run a spec: start the jobs of its tree and record their output.",
        RUNNING,
        "run.run",
        ("gator run examples/job_tree.yaml", "gator run -j 8 --only 'sims/**' nightly.yaml"),
        lasting=True,
    ),
    "stop": Command(
        "Stop a live run or a part of it.",
        RUNNING,
        "run.stop",
        ("gator stop", "gator stop top/sims --now"),
    ),
    "open": Command(
        "Show runs in the browser, without a hub.",
        READING,
        "look.open",
        ("gator open", "gator open -r nightly"),
        function="open_",
    ),
    "status": Command(
        "Show the running and waiting jobs, the reasons for waiting, and the counts.",
        READING,
        "look.status",
        ("gator status", "gator status top/sims -r -2"),
    ),
    "tree": Command(
        "Show the tree of nodes with their outcomes.",
        READING,
        "look.tree",
        ("gator tree", "gator tree top/sims --depth 1 --outcome failed"),
    ),
    "failures": Command(
        "Explain each failure: reason, first error, log, and the command that reruns it.",
        READING,
        "look.failures",
        ("gator failures", "gator failures 'sims/**' --json"),
    ),
    "logs": Command(
        "Print the output of jobs, byte for byte.",
        READING,
        "look.logs",
        ("gator logs build/link", "gator logs -f build/link", "gator logs build/link --first-error -C 5"),
    ),
    "grep": Command(
        "Search the output of jobs by a regular expression.",
        READING,
        "look.grep",
        ("gator grep 'UVM_(ERROR|FATAL)'", "gator grep -C 2 'out of memory' 'sims/**'"),
    ),
    "metrics": Command(
        "List the metrics that jobs reported.",
        READING,
        "look.metrics",
        ("gator metrics", "gator metrics sims --name coverage"),
    ),
    "artefacts": Command(
        "List the files and folders that jobs made.",
        READING,
        "look.artefacts",
        ("gator artefacts", "gator artefacts build --json"),
    ),
    "get": Command(
        "Copy an artefact of a job.",
        READING,
        "look.artefacts",
        ("gator get build sim", "gator get build sim -o /tmp/simv"),
    ),
    "resources": Command(
        "Compare the time, processor and memory that jobs used with their requests.",
        READING,
        "look.resources",
        ("gator resources", "gator resources sims/run[3]"),
    ),
    "show": Command(
        "Show one node: spec, environment, command line, attempts, result.",
        READING,
        "look.show",
        ("gator show sims/run[3]",),
    ),
    "runs": Command(
        "List the runs, newest first.",
        FOLDERS,
        "look.runs",
        ("gator runs -n 5", "gator runs -r hub: --outcome failed --since 2d"),
    ),
    "diff": Command(
        "Compare two runs: newly failing, fixed, still failing; times and metrics.",
        FOLDERS,
        "look.diff",
        ("gator diff -2 -1", "gator diff hub:nightly latest --threshold 10"),
        takes_numbers=True,
    ),
    "trend": Command(
        "Show the outcomes of a run or a job in the last runs of its series.",
        FOLDERS,
        "look.trend",
        ("gator trend nightly", "gator trend nightly/sims/run[3] -n 50"),
    ),
    "clean": Command(
        "Remove the folders of old runs, never of live ones.",
        FOLDERS,
        "run.clean",
        ("gator clean --keep 10", "gator clean --older 14d --dry-run"),
    ),
    "close": Command(
        "Close a run that died: kill its processes, write the missing Results.",
        FOLDERS,
        "run.close",
        ("gator close", "gator close -r nightly --force"),
    ),
    "hub": Command(
        "Serve a hub with the runs of many users, and manage its runs.",
        FOLDERS,
        "hub.hub",
        ("gator hub serve", "gator hub import tracking --hub localhost:8080"),
        "app",
        lasting=True,
    ),
    "cause": Command(
        "Name the causes of failures on a hub, and note what is known about them.",
        FOLDERS,
        "hub.cause",
        ("gator cause add 'no space' --match 'No space left'", "gator cause ticket 'no space' IT-7"),
        "app",
    ),
    "check": Command(
        "Print every problem of a spec and of its plan; start nothing.",
        SPECS,
        "spec.check",
        ("gator check nightly.yaml",),
    ),
    "plan": Command(
        "Show what a spec would run: order, dependencies, resources, repeats, seed.",
        SPECS,
        "spec.plan",
        ("gator plan nightly.yaml", "gator plan --format mermaid --only 'sims/**' nightly.yaml"),
    ),
    "schema": Command(
        "Print the JSON Schema of specs, for editors.",
        SPECS,
        "spec.schema",
        ("gator schema > gator.schema.json",),
    ),
    "parsers": Command(
        "List and check parsers of output, and try them on a log.",
        SPECS,
        "spec.parsers",
        ("gator parsers list", "gator parsers check ours.yaml", "gator parsers try gcc < build.log"),
    ),
    "log": Command(
        "Record a message of the job that calls it.",
        INSIDE,
        "run.job",
        ("gator log --severity warning 'disk is nearly full'",),
    ),
    "metric": Command(
        "Record a value of a metric of the job that calls it.",
        INSIDE,
        "run.job",
        ("gator metric cycles 120000 --kind max",),
    ),
    "param": Command(
        "Print a parameter of the job that calls it.",
        INSIDE,
        "run.param",
        ("gator param mode",),
    ),
}
