"""Derives from a plan and its options what the display, the daemons and the dispatcher of a run need."""

from typing import TYPE_CHECKING

from gator.core.attempt.start.environment import describe_command
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.hosts import host_count
from gator.core.dispatch.ledger import Ledger
from gator.core.dispatch.pools import Pools
from gator.core.launch.rerun import launch_of
from gator.core.redact import masked
from gator.daemon.modes import Placement, TextLogMode
from gator.daemon.options import RunOptions
from gator.plan import Plan, shown_job
from gator.ports import RunInfo
from gator.run_folder import RunFolder
from gator.runtime import diagnostics
from gator.v1 import attach_pb2

if TYPE_CHECKING:
    from gator.daemon.engine.dispatch_log import DispatchLog

INLINE = "inline"
"""Name of the root's own process among the hosts."""


def run_context(folder: RunFolder, plan: Plan, options: RunOptions) -> attach_pb2.RunContext:
    """Returns the context that all daemons of a run get; only daemons that host tiers get the plan."""
    return attach_pb2.RunContext(
        run=plan.request.run,
        folder=str(folder.path),
        plan=plan.request if options.placement is Placement.TIERS else None,
        sample_interval_millis=options.sample_interval_millis,
        log_cap_bytes=options.log_cap_bytes,
        secrets=options.secrets,
        artefact_content_bytes=options.hub.artefact_bytes if options.hub is not None else 0,
    )


def run_info(folder: RunFolder, plan: Plan, options: RunOptions) -> RunInfo:
    """Returns what a display shows about a run before it starts."""
    root, launch = plan.root, options.description.run
    command, own_words = "", None
    if root.job is not None:
        job = masked(shown_job(plan.resolve(root, root.ident)), options.secrets)
        command, own_words = describe_command(job)
    return RunInfo(
        run=plan.request.run,
        ident=root.ident,
        spec=launch.spec,
        folder=str(folder.path),
        seed=plan.request.seed,
        jobs=root.jobs,
        single=root.job is not None,
        command=command,
        own_words=own_words,
        cores=options.pools.cores,
        repeats=launch.parent or plan.request.run,
        job_seeds=plan.request.job_seeds,
        launch=launch_of(launch),
        text_logs=options.text_logs is not TextLogMode.NONE,
        causes=options.description.causes,
    )


def make_dispatcher(plan: Plan, options: RunOptions) -> Dispatcher:
    """Returns the dispatcher of a run."""
    slots = _slots(options.pools, plan)
    return Dispatcher(
        Ledger(options.pools),
        max_hosts=host_count(slots),
        slots=slots,
        fixed_host=INLINE if options.placement is Placement.INLINE else None,
        bridge=INLINE if options.placement is Placement.AUTO else None,
        # Prefetched attempts cannot be held back any more when there are too many failures.
        prefetch=not any(
            each.max_fail or each.max_fail_per_cause
            for node in plan.nodes.values()
            for each in node.resolved_variants()
        ),
    )


def make_dispatch_log(dispatch: Dispatcher) -> "DispatchLog | None":
    """Returns what writes the diagnostic log of a dispatcher; None if GATOR_LOG does not ask for it."""
    log = diagnostics.logger("dispatch")
    if log is None:
        return None
    from gator.daemon.engine.dispatch_log import DispatchLog

    return DispatchLog(log, dispatch)


def _slots(pools: Pools, plan: Plan) -> int:
    """Returns how many jobs can run at once, for the number of daemons."""
    free = any(
        node.job is not None and any(each.demand.cores == 0 for each in node.resolved_variants())
        for node in plan.nodes.values()
    )
    return max(64, 8 * pools.cores) if free else pools.cores


def remote_tiers(plan: Plan, options: RunOptions) -> frozenset[str]:
    """Returns the templates of the tiers that daemons host."""
    if options.placement is not Placement.TIERS:
        return frozenset()
    return frozenset(child.template for child in plan.root.children if child.children)
