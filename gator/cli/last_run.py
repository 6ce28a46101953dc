"""What came of earlier runs, for options that refer to them: `--only @failed`, `--skip @passed`.

The rule: read only; the newest run of a name is the one that was started last.
"""

from collections.abc import Iterator
from pathlib import Path

from gator.cli.last_globs import FAILED, PASSED
from gator.cli.paging import pages
from gator.cli.selector import FoundRun, found_runs
from gator.cli.selector_open import Questions, asking
from gator.errors import NotFoundError, StoreError, UsageError
from gator.v1 import common_pb2, event_pb2, query_pb2
from gator.v1 import query_service_pb2 as qs


def failed_paths(tracking: Path, ident: str) -> list[str]:
    """Globs of the jobs that FAILED or were LOST in the newest run whose root has this name.

    Raises UsageError when there is no such run, or nothing failed in it.
    """
    for run, ask in _runs(tracking, ident):
        outcomes = (common_pb2.OUTCOME_FAILED, common_pb2.OUTCOME_LOST)
        found = _nodes(ask, outcomes, kinds=(common_pb2.NODE_KIND_JOB,))
        globs = [f"/{node.path}" for node in found]
        if not globs:
            raise UsageError(f"--only {FAILED}: nothing failed in the last run of {ident}, {_name(run)}")
        return globs
    raise UsageError(f"--only {FAILED}: no run of {ident} in {tracking}")


def passed_paths(tracking: Path, ident: str) -> list[str]:
    """Globs of what passed in the newest run whose root has this name: whole groups, else single jobs.

    What that run left out for the same reason counts too. A part of one repeat of a group cannot be left
    out by a plan, so it is in none of the globs. Raises UsageError when there is no such run.
    """
    globs = list[str]()
    any_run = False
    for _, ask in _runs(tracking, ident):
        any_run = True
        globs += _passed(ask)
        if PASSED not in ask.get_run(qs.GetRunRequest()).run.argv:
            break
    if not any_run:
        raise UsageError(f"--skip {PASSED}: no run of {ident} in {tracking}")
    return list(dict.fromkeys(globs))


def _runs(tracking: Path, ident: str) -> Iterator[tuple[FoundRun, Questions]]:
    """The runs whose root has this name and that can be read, the newest first."""
    for run in found_runs(tracking):
        try:
            with asking(run) as ask:
                if ask.get_run(qs.GetRunRequest()).run.ident == ident:
                    yield run, ask
        except (NotFoundError, StoreError):
            # It never began or is damaged; the one before is the newest of which something is known.
            continue


def _passed(ask: Questions) -> Iterator[str]:
    covered = ""
    # A node comes before all that is below it.
    for node in _nodes(ask, (common_pb2.OUTCOME_PASSED,)):
        if covered and node.path.startswith(covered):
            continue
        if "[" in node.path.rpartition("/")[0]:
            continue
        if node.kind != common_pb2.NODE_KIND_JOB and node.tally.passed != _jobs(node.tally):
            continue
        covered = f"{node.path}/"
        yield f"/{node.path}"


def _jobs(tally: event_pb2.Tally) -> int:
    return sum(getattr(tally, field.name) for field in tally.DESCRIPTOR.fields)


def _nodes(
    ask: Questions,
    outcomes: tuple[common_pb2.Outcome.ValueType, ...],
    kinds: tuple[common_pb2.NodeKind.ValueType, ...] = (),
) -> Iterator[query_pb2.Node]:
    request = qs.ListNodesRequest(
        path="", scope=qs.SCOPE_SUBTREE, outcomes=outcomes, kinds=kinds, order=qs.NODE_ORDER_SPEC
    )
    for page in pages(ask.list_nodes, request):
        yield from page.nodes


def _name(run: FoundRun) -> str:
    return run.folder.path.name
