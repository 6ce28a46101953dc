"""Starts what the runner of a job returns, in place of the command of the job."""

from pathlib import Path

import msgspec

from gator.core.attempt.start.environment import OWN_NAMES, Launcher, Prepared
from gator.path_patterns import slug
from gator.process.spawn import SpawnRequest
from gator.runners.job import RunnerJob
from gator.runners.registry import command_of
from gator.v1 import attach_pb2, spec_pb2


def by_runner(
    launcher: Launcher, node: attach_pb2.LaunchNode, prepared: Prepared
) -> tuple[Prepared, SpawnRequest | None]:
    """Returns the command to start, and the one to run after its end. Raises RunnerError.

    The command line for display is that of the runner, with secrets masked as in that of the job.
    """
    settings = node.job.settings
    names = [name for name in prepared.env if name in OWN_NAMES or name.startswith("GATOR_")]
    names += [variable.name for variable in settings.env if variable.name in prepared.env]
    if settings.jobserver > spec_pb2.JOBSERVER_MODE_OFF:
        names.append("MAKEFLAGS")
    job = RunnerJob(
        argv=prepared.argv,
        env=prepared.env,
        own_names=list(dict.fromkeys(names)),
        cwd=prepared.cwd,
        options=launcher.runner_options(node),
        run_folder=Path(launcher.folder),
        folder=Path(launcher.folder) / "runners" / f"{slug(node.path)}.{node.attempt}",
        run=launcher.run,
        path=node.path,
        attempt=node.attempt,
        cores=node.cores,
        memory_bytes=node.job.resources.memory_bytes,
        ulimit=dict(settings.ulimit),
    )
    command = command_of(settings.runner.name, job)
    shown = [launcher.hide(text, node) for text in command.argv]
    end = SpawnRequest(command.end, command.env, "/", merge_stderr=True) if command.end else None
    started = msgspec.structs.replace(
        prepared, argv=list(command.argv), shown=shown, env=dict(command.env), cwd=command.cwd
    )
    return started, end
