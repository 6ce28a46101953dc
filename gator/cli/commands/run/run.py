"""`gator run`: from the command line to a finished run."""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Annotated

import typer

from gator.cli import output
from gator.cli.launch.config import config_of, configured, given_options, make_absolute
from gator.cli.launch.hub import chosen_hub, waiting_upload
from gator.cli.launch.notices import Notice
from gator.cli.launch.options import LaunchOptions
from gator.cli.launch.preflight import print_params, runnable_plan, show_plan
from gator.cli.launch.request import (
    check_log,
    enter,
    plan_request,
    pools_of,
    resolved_selection,
    scheduler_of,
)
from gator.cli.launch.specs.load import check_config, load_spec
from gator.cli.options.fields import with_options
from gator.daemon.modes import Placement
from gator.errors import UsageError
from gator.git import asking_git
from gator.process.host import supported
from gator.runtime import diagnostics, loading
from gator.v1 import plan_pb2


@with_options(LaunchOptions)
def run(
    spec: Annotated[str, typer.Argument(help="The spec: a YAML file, or - for stdin.", metavar="SPEC")],
    options: LaunchOptions,
    context: typer.Context,
) -> None:
    """Run a spec: start the jobs of its tree and record their output."""
    reason = supported()
    if reason is not None:
        raise UsageError(f"cannot run jobs: {reason}")
    check_log(os.environ.get(diagnostics.VARIABLE, ""))
    if options.directory is not None:
        enter(options.directory)
    config = config_of(spec, os.environ)
    # Runs inside jobs have other working directories.
    make_absolute(os.environ)
    options, config = configured(options, config, given_options(context), os.environ)
    check_config(spec, options.ident, config)
    notices: list[Notice] = []
    options.check()
    if options.help_params:
        print_params(spec, options, config)
        return
    hub = None if options.dry_run else chosen_hub(options, notices)
    scheduler = scheduler_of(options)
    if options.placement is Placement.INLINE and not scheduler.allows_inline:
        raise UsageError(
            f"--placement inline: jobs would run in this process instead of with {options.scheduler}: "
            "use another placement"
        )
    # With a hub, git is queried during the run.
    asking = nullcontext() if options.dry_run or hub is not None else asking_git(".")
    with waiting_upload(hub) as upload, asking as git:
        loaded = load_spec(spec, options.ident, config)
        selection = resolved_selection(options, loaded)
        notices += (Notice(note, is_warning=False) for note in selection.notes)
        request = plan_request(loaded, options, selection, options.tracking)
        pools = pools_of(loaded, options, scheduler)
        labels = {**_written_labels(request), **_labels(options.labels)}
        if options.dry_run:
            runnable = runnable_plan(request, pools, loaded, is_rerun=bool(selection.repeat))
            show_plan(runnable, options)
            return
        with loading.quickly():
            from gator.cli.launch.execute import Launch, execute

        launch = Launch(
            options=options,
            loaded=loaded,
            selection=selection,
            request=request,
            pools=pools,
            scheduler=scheduler,
            labels=labels,
            hub=hub,
            notices=notices,
        )
        code = execute(launch, upload, git)
        if selection.not_run:
            output.warn(f"gator: {selection.not_run}")
        raise typer.Exit(code)


def _written_labels(request: plan_pb2.PlanRequest) -> Mapping[str, str]:
    """Returns the labels of the spec and of gator.toml files."""
    spec = request.spec
    written = {**request.above.labels, **spec.group.labels, **spec.array.labels}
    if not any("${{" in text for text in written.values()):
        return written
    from gator.plan import known_text, written_nodes

    root = written_nodes(request)[0]
    return {name: known_text(text, root, request) for name, text in written.items()}


def _labels(texts: Sequence[str]) -> Mapping[str, str]:
    if not texts:
        return {}
    from gator.cli.options.labels import labels_of

    return labels_of(texts)
