"""Reads from earlier runs the figures that contracts are relative to, once before a run starts.

Invariant: it takes a bounded time and never fails: what is not known is recorded with the reason.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from gator.cli.launch.notices import Notice
from gator.cli.launch.options import LaunchOptions
from gator.cli.options.values import millis_of
from gator.cli.runs.hub_choice import PREFIX, HubChoice
from gator.core.metrics import figure_of
from gator.errors import GatorError, NotFoundError, UserError
from gator.node_paths import template_of
from gator.plan import Plan, relative_contracts
from gator.spec.contracts import rank_of
from gator.units import limit_text, plural
from gator.upload.options import UploadOptions
from gator.v1 import common_pb2, plan_pb2, query_pb2, spec_pb2

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from gator.ports import History

DEFAULT_WAIT_MILLIS: Final = 2_000
"""Default of `--history-wait`."""
MAX_FIGURES: Final = 20_000
"""Maximum number of figures, because every daemon gets them."""
_MAX_BASELINE_RUNS: Final = 50
"""Maximum number of runs of a series that are searched for one that passed."""
_Wanted: TypeAlias = Mapping[str, Mapping[str, list[spec_pb2.Contract]]]
"""Relative contracts by name of the run, and by template path below the root."""


def ask_baselines(
    plan: Plan,
    options: LaunchOptions,
    selection: query_pb2.Selection,
    repeats: str,
    tracking: Path,
    hub: UploadOptions | None,
) -> tuple[plan_pb2.Baselines, list[Notice]]:
    """Returns the figures that the contracts of a plan need, and warnings about those that are not known.

    `selection` is that of the run, `repeats` the id of the run that it repeats; empty if it repeats none.
    """
    wanted: dict[str, dict[str, list[spec_pb2.Contract]]] = {}
    for node, contract in relative_contracts(plan.nodes.values()):
        path = node.template.partition("/")[2]
        wanted.setdefault(contract.run, {}).setdefault(path, []).append(contract)
    if not wanted:
        return plan_pb2.Baselines(), []
    wait = history_wait_millis(options) / 1000
    answers: list[plan_pb2.Baselines] = []

    def ask() -> None:
        answers.append(
            _ask(wanted, plan.root.ident, options, selection, repeats, _source(tracking, hub, wait))
        )

    # A thread, because neither a file system nor a network returns for sure.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(wait)
    if answers:
        baselines = answers[0]
    else:
        problem = f"earlier runs could not be read within {limit_text(round(wait * 1e9))} (--history-wait)"
        baselines = plan_pb2.Baselines(
            runs=[plan_pb2.BaselineRun(name=name, problem=problem) for name in wanted]
        )
    baselines.is_required = options.require_baseline
    return baselines, list(_notices(baselines, wanted))


def history_wait_millis(options: LaunchOptions) -> int:
    """Returns the maximum time to wait for earlier runs in milliseconds. Raises UsageError."""
    given = millis_of(options.history_wait, "--history-wait")
    return DEFAULT_WAIT_MILLIS if given is None else given


def _ask(
    wanted: _Wanted,
    ident: str,
    options: LaunchOptions,
    selection: query_pb2.Selection,
    repeats: str,
    open_history: "Callable[[], AbstractContextManager[History]]",
) -> plan_pb2.Baselines:
    """Reads all runs. For a history that cannot be read, returns the reason instead of figures."""
    baselines = plan_pb2.Baselines()
    try:
        with open_history() as history:
            # A rerun is compared as the run that it repeats.
            repeated = history.run(repeats) if repeats else None
            selection = repeated.selection if repeated is not None else selection
            for name, contracts in wanted.items():
                _ask_run(baselines, history, name, name or options.baseline, ident, selection, contracts)
    except (GatorError, UserError, OSError) as error:
        known = {run.name for run in baselines.runs}
        for name in wanted:
            if name not in known:
                baselines.runs.add(name=name, problem=f"earlier runs could not be read: {error}")
    return baselines


def _ask_run(
    baselines: plan_pb2.Baselines,
    history: "History",
    name: str,
    run_name: str,
    ident: str,
    selection: query_pb2.Selection,
    contracts: Mapping[str, list[spec_pb2.Contract]],
) -> None:
    """Adds a run and its figures."""
    run = history.run(run_name.removeprefix(PREFIX)) if run_name else _last_good(history, ident, selection)
    if run is None:
        what = f"there is no run {run_name}" if run_name else f"no earlier run of {ident} has passed"
        baselines.runs.add(name=name, problem=f"{what} {history.location}")
        return
    figures = _figures(history, run, name, contracts)
    if len(baselines.figures) + len(figures) > MAX_FIGURES:
        problem = f"run {run.id[:12]} has more than {MAX_FIGURES:,} figures for them"
        baselines.runs.add(name=name, problem=problem)
        return
    baselines.figures.extend(figures)
    baselines.runs.add(name=name, id=run.id)


def _last_good(history: "History", ident: str, selection: query_pb2.Selection) -> query_pb2.Run | None:
    """Returns the newest run of a series that passed; None if there is none."""
    try:
        entries = history.node_history(ident, "", selection, _MAX_BASELINE_RUNS).entries
    except NotFoundError:
        return None
    passed = (entry.run.run for entry in entries if entry.outcome == common_pb2.OUTCOME_PASSED)
    newest = next(passed, None)
    return history.run(newest) if newest is not None else None


def _figures(
    history: "History", run: query_pb2.Run, name: str, contracts: Mapping[str, list[spec_pb2.Contract]]
) -> list[plan_pb2.BaselineFigure]:
    """Returns the figures of a run that contracts need, up to one more than the maximum."""
    every = [contract for some in contracts.values() for contract in some]
    names = sorted({contract.metric for contract in every})
    ranks = sorted({rank for contract in every if (rank := rank_of(contract.figure)) is not None})
    figures: list[plan_pb2.BaselineFigure] = []
    for node in history.metrics(run, names, ranks):
        path = node.path.partition("/")[2]
        totals = {total.name: total for total in node.metrics}
        for contract in contracts.get(template_of(path), ()):
            total = totals.get(contract.metric)
            value = figure_of(total, contract.figure) if total is not None else None
            if total is not None and value is not None:
                figure = plan_pb2.BaselineFigure(run=name, path=path, value=value)
                figure.metric, figure.figure = contract.metric, contract.figure
                figure.unit = "" if contract.figure == "count" else total.unit
                figures.append(figure)
        if len(figures) > MAX_FIGURES:
            break
    return figures


def _source(
    tracking: Path, hub: UploadOptions | None, wait: float
) -> "Callable[[], AbstractContextManager[History]]":
    """Returns a function that opens the earlier runs: of the hub if there is one, else in the folders."""

    @contextmanager
    def folders() -> "Generator[History]":
        from gator.cli.history.folders import FolderHistory

        yield FolderHistory(tracking, total_seconds=wait, warn=lambda text: None)

    @contextmanager
    def of_hub() -> "Generator[History]":
        from gator.cli.history.hub import HubHistory
        from gator.cli.runs import hub_client

        assert hub is not None
        choice = HubChoice(hub.address, Path(hub.ca) if hub.ca else None, wait)
        with hub_client.connect(choice) as connected:
            yield HubHistory(connected)

    return folders if hub is None else of_hub


def _notices(baselines: plan_pb2.Baselines, wanted: _Wanted) -> Iterable[Notice]:
    """Yields a warning for each run that is not known."""
    outcome = "broken" if baselines.is_required else "not compared"
    for run in baselines.runs:
        if run.problem:
            number = sum(len(contracts) for contracts in wanted[run.name].values())
            verb = "is" if number == 1 else "are"
            contracts = f"{plural(number, 'contract')} relative to a baseline"
            yield Notice(f"{contracts} {verb} {outcome}: {run.problem}")
