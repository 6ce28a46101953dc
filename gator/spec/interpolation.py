"""Checks `${{ name }}` in strings: which names exist and where each may be used; finds unset variables.

Values are filled in by the plan and at the start of an attempt.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from gator.spec.expand import names_in
from gator.spec.suggestions import did_you_mean
from gator.v1 import spec_pb2

CONSTANTS = ("spec.dir", "run.id", "run.dir", "gator.python")
"""Names with one value for all nodes."""
PLAN_TIME = ("seed", "array", "path", "slug", *CONSTANTS)
START_TIME = ("scratch", "attempt", "cores")
PLACEHOLDERS = (*PLAN_TIME, *START_TIME)

_REFERENCE = re.compile(r"(\$?)(\$\{\{)(?:\s*([^{}]*?)\s*\}\})?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
_ARTEFACT = re.compile(r"artefacts\.([^{}\s]+)\.([A-Za-z_][A-Za-z0-9_-]*)")


def wrong_names(text: str, allowed: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields each invalid `${{ }}` as the text as written and an error.

    `allowed` are the names that are known here; `env.NAME` always is.
    """
    known = (*PLACEHOLDERS, *(name for name in allowed if name not in PLACEHOLDERS))
    for match in _REFERENCE.finditer(text):
        name: str | None = match[3]
        if match[1] or (name is not None and (name in allowed or _is_variable(name))):
            continue
        if name is not None and is_artefact(name):
            if "scratch" not in allowed:
                yield match[0], _misplaced(name)
            continue
        written = match[0]
        if name is None:
            yield written, "${{ has no }}: write $${{ for a literal ${{"
        elif not _NAME.fullmatch(name):
            yield written, f"{written} is not a name: there are no operators, and $${{{{ is a literal ${{{{"
        elif name in PLACEHOLDERS:
            yield written, _misplaced(name)
        elif name.partition(".")[0] == "artefacts":
            yield written, f"{written} does not name an artefact: write ${{{{ artefacts.JOB.NAME }}}}"
        else:
            yield written, unknown_name(name, known, _advice(name))


def unknown_name(name: str, known: Collection[str], advice: str = "") -> str:
    """Returns the error for a name in `${{ }}`; `advice` follows where no known name is similar."""
    return f"unknown name ${{{{ {name} }}}}{did_you_mean(name, known) or advice}"


def _advice(name: str) -> str:
    if name.startswith("params."):
        return ": declare it in 'params' of this node or of one above it"
    if name.startswith("matrix."):
        return ": no array around it has this name in its 'matrix'"
    return ""


def is_artefact(name: str) -> bool:
    """Returns whether a name in `${{ }}` is that of an artefact of another job."""
    return name.startswith("artefacts.") and _ARTEFACT.fullmatch(name) is not None


def label_of(reference: str) -> str:
    """Returns the name of a job in `${{ artefacts.JOB.NAME }}`: the last ident of a reference to it."""
    return reference.rpartition("/")[2].partition("[")[0]


def _is_variable(name: str) -> bool:
    return name.startswith("env.") and "." not in name[4:] and _NAME.fullmatch(name) is not None


def _misplaced(name: str) -> str:
    if name == "array":
        return "${{ array }} is defined only inside a !JobArray"
    places = "command, args, shell, env, cwd or hooks of a job"
    return f"${{{{ {name} }}}} is defined only when an attempt starts: use it in {places}"


def unset_names(job: spec_pb2.Job, environment: Mapping[str, str]) -> list[str]:
    """Returns variables that command and args use and that the job's `environment` does not have.

    Variables that Gator itself sets count as set.
    """
    names = [name for text in (job.command, *job.args) for name in names_in(text)]
    missing = (name for name in names if name not in environment and not name.startswith("GATOR_"))
    return list(dict.fromkeys(missing))
