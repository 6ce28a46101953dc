"""Prepares the start of an attempt: its folder, script, command, and what is read after its end.

Invariant: what it makes for one attempt stays the same when the start is repeated.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gator.core.attempt.start.environment import NO_INPUTS, Inputs, Launcher, Prepared
from gator.core.attempt.start.runners import PYTHON, is_special
from gator.daemon.attempts.files.scratch import make_scratch
from gator.daemon.attempts.files.script_file import remove_script, write_script
from gator.path_patterns import slug
from gator.process.ownership.birthmark import Birthmarks
from gator.process.ownership.criteria import Ownership
from gator.process.spawn import SpawnRequest
from gator.v1 import attach_pb2, spec_pb2

if TYPE_CHECKING:
    from gator.daemon.artefacts.collect import Collection
    from gator.daemon.attempts.files.followed_file import FollowedFile
    from gator.daemon.attempts.files.report_files import ReportFiles
    from gator.process.jobserver import Jobserver


def has_inputs(node: attach_pb2.LaunchNode) -> bool:
    """Returns whether an attempt gets anything from jobs that ran before it."""
    return bool(node.failures_of or node.inputs)


def ownership_of(
    node: attach_pb2.LaunchNode, leader: int, prepared: Prepared, birthmarks: Birthmarks, since: int
) -> Ownership:
    """Returns how the processes of an attempt are told from others; `since` is in ticks since the boot."""
    marks = {name: prepared.env[name] for name in ("GATOR_RUN", "GATOR_PATH", "GATOR_ATTEMPT")}
    ownership = Ownership(leader, marks, birthmarks=birthmarks, since=since, name=node.path)
    if node.job.resources.enforce_memory:
        ownership.memory_max = node.job.resources.memory_bytes
    return ownership


class Preparation:
    """The folder, script and command of one attempt, made before its start."""

    __slots__ = ("_jobserver", "_launcher", "_node", "making", "runner_end", "scratch", "script")

    def __init__(self, launcher: Launcher, node: attach_pb2.LaunchNode) -> None:
        self._launcher = launcher
        self._node = node
        self.making = ""
        """The thing that is being made, for the message if that fails."""
        self.scratch = ""
        """Its own folder; empty if it has none."""
        self.script = ""
        """The file with its script; empty if there is none."""
        self._jobserver: Jobserver | None = None
        self.runner_end: SpawnRequest | None = None
        """The command that cleans up after the runner at the end."""

    def prepare(self, token: str, inputs: Inputs | None) -> Prepared:
        """Makes folder and script. Raises OSError, UserError, UnsafeScriptError and RunnerError."""
        launcher, node = self._launcher, self._node
        scratch = node.job.settings.scratch
        if scratch.enabled and not self.scratch:
            self.making = "scratch folder"
            root = launcher.fill(scratch.root, node)
            self.scratch = make_scratch(launcher.folder, root, launcher.run, node.path, node.attempt)
        prepared = launcher.prepare(node, token, self.scratch, inputs or NO_INPUTS)
        if prepared.script:
            self.making = "script"
            self.script = prepared.script_file
            write_script(prepared.script_file, prepared.script)
        if node.job.settings.jobserver > spec_pb2.JOBSERVER_MODE_OFF:
            self._offer_cores(prepared)
        return self._by_runner(prepared) if is_special(node.job.settings) else prepared

    def command(self, prepared: Prepared, birthmark: int) -> SpawnRequest:
        """Returns the command to start."""
        settings = self._node.job.settings
        return SpawnRequest(
            argv=prepared.argv,
            env=prepared.env,
            cwd=prepared.cwd,
            merge_stderr=settings.stderr == spec_pb2.STDERR_MODE_MERGE,
            tty=settings.tty,
            nice=settings.nice,
            ulimit=settings.ulimit,
            birthmark=birthmark,
            inherited=self.inherited,
        )

    @property
    def inherited(self) -> Mapping[int, int]:
        """Further descriptors of the processes of the attempt: their numbers, and those of this process."""
        return self._jobserver.inherited if self._jobserver is not None else {}

    def collection(self, cwd: str, content_bytes: int) -> "Collection | None":
        """Returns what keeps the artefacts of the job; None if it makes none."""
        job = self._node.job
        if not job.HasField("artefacts") or not (job.artefacts.produces or job.artefacts.collect):
            return None
        from gator.daemon.artefacts.collect import Collection
        from gator.daemon.artefacts.manifest import remove_manifest

        launcher, node = self._launcher, self._node
        wanted = spec_pb2.JobArtefacts()
        wanted.CopyFrom(job.artefacts)
        for product in wanted.produces:
            product.path = launcher.fill(product.path, node)
        wanted.collect[:] = [launcher.fill(text, node) for text in wanted.collect]
        folder = Path(launcher.folder)
        remove_manifest(folder, node.path)
        return Collection(folder, node.path, node.attempt, cwd, wanted, content_bytes)

    def report_files(self, cwd: str) -> "ReportFiles | None":
        """Returns the reports of tests that the job will write; None if it names none."""
        wanted = self._node.job.settings.results.list
        if not wanted:
            return None
        from gator.daemon.attempts.files.report_files import ReportFiles, WantedReport

        names = [(each, self._launcher.fill(each.file, self._node)) for each in wanted]
        return ReportFiles(
            [
                WantedReport(name, os.path.join(cwd, name), each.format, each.required)  # noqa: PTH118
                for each, name in names
            ]
        )

    def log_files(self, cwd: str) -> "list[FollowedFile]":
        """Returns the files that are read as streams, without what is in them now; none if none are named."""
        wanted = self._node.job.settings.also_log.files
        if not wanted:
            return []
        from gator.daemon.attempts.files.followed_file import FollowedFile

        names = [self._launcher.fill(file, self._node) for file in wanted]
        files = [FollowedFile(os.path.join(cwd, name), name) for name in names]  # noqa: PTH118
        for file in files:
            file.skip()
        return files

    def close(self) -> None:
        """Removes the script, because the attempt has ended."""
        if self.script:
            remove_script(self.script)
        if self._jobserver is not None:
            self._jobserver.close()

    def _offer_cores(self, prepared: Prepared) -> None:
        """Makes a jobserver with the cores of the attempt. Raises OSError."""
        # Few jobs have one.
        from gator.process.jobserver import Jobserver, knows_fifo

        self.making = "jobserver"
        node, mode = self._node, self._node.job.settings.jobserver
        env = prepared.env
        if self._jobserver is None:
            # A runner may start the job where these descriptors are not passed on.
            is_fifo = mode == spec_pb2.JOBSERVER_MODE_FIFO or (
                mode == spec_pb2.JOBSERVER_MODE_AUTO
                and (is_special(node.job.settings) or knows_fifo(env.get("PATH", os.defpath)))
            )
            path = Path(self._launcher.folder) / "jobservers" / f"{slug(node.path)}.{node.attempt}"
            self._jobserver = Jobserver(path, node.cores, is_fifo=is_fifo)
        env["MAKEFLAGS"] = self._jobserver.makeflags(env.get("MAKEFLAGS", ""))
        # Cargo prefers this one, which a cargo around the run may have set.
        env.pop("CARGO_MAKEFLAGS", None)

    def _by_runner(self, prepared: Prepared) -> Prepared:
        """Returns what the runner of the job starts. Raises RunnerError."""
        if self._node.job.settings.runner.name == PYTHON:
            return prepared
        from gator.daemon.attempts.by_runner import by_runner

        started, self.runner_end = by_runner(self._launcher, self._node, prepared)
        return started
