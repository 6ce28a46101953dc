"""The settings that all jobs of a daemon have in common."""

import os
from collections.abc import Callable, Mapping

from msgspec import Struct

from gator.core.attempt.start.environment import Launcher
from gator.v1 import attach_pb2


class WrapperContext(Struct, frozen=True):
    """Settings of all jobs of a daemon.

    `daemon` is its id, empty when inline. `parent` is the address where a job's processes reach it, and
    `token` gives theirs by path and attempt. `environment` and `launch_dir` are those of the launch.
    """

    run: attach_pb2.RunContext
    host: str
    environment: Mapping[str, str]
    launch_dir: str
    token: Callable[[str, int], str]
    daemon: str = ""
    parent: str = ""


def make_launcher(context: WrapperContext) -> Launcher:
    """Returns what prepares the jobs and hooks of a daemon."""
    return Launcher(
        context.environment,
        run=context.run.run,
        folder=context.run.folder,
        launch_dir=context.launch_dir,
        daemon=context.daemon,
        parent=context.parent,
        secrets=context.run.secrets,
        exists=os.path.exists,
    )
