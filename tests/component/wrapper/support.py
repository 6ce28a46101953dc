"""A wrapper host on real processes, and the questions that tests ask of what it recorded."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from gator.core.text import readable
from gator.daemon.attempts.host import WrapperHost
from gator.daemon.attempts.outbox import Store
from gator.event_kinds import Payload
from gator.v1 import attach_pb2, common_pb2, event_pb2, spec_pb2
from tests.component.process.support import until

OUT = common_pb2.STREAM_STDOUT
ERR = common_pb2.STREAM_STDERR


@dataclass(slots=True)
class Witness:
    """Passes events on to a store and keeps what was appended, each as it came out of the serialiser."""

    store: Store
    events: list[event_pb2.Event] = field(default_factory=list[event_pb2.Event])
    extra_pending: int = 0

    @property
    def pending_bytes(self) -> int:
        return self.store.pending_bytes + self.extra_pending

    def append(self, events: Sequence[event_pb2.Event], then: Callable[[], None] | None = None) -> int:
        self.events += [event_pb2.Event.FromString(event.SerializeToString()) for event in events]
        return self.store.append(events, then)


@dataclass(slots=True)
class Bench:
    """A host and what it told."""

    host: WrapperHost
    witness: Witness
    run: str
    folder: Path
    ends: dict[tuple[str, int], event_pb2.AttemptFinished]
    started: list[tuple[str, int]]
    lease: int = 0

    def launch(
        self,
        job: spec_pb2.Job,
        path: str = "top/job",
        attempt: int = 1,
        lease: int = 0,
        cores: int = 1,
        array_index: int | None = None,
    ) -> tuple[str, int]:
        """Hand an attempt out, under a lease of its own unless one is named."""
        self.lease += 1
        node = attach_pb2.LaunchNode(
            path=path, attempt=attempt, lease=lease or 1000 + self.lease, cores=cores, seed=7, job=job
        )
        if array_index is not None:
            node.array_index = array_index
        self.host.launch(node)
        return path, attempt

    async def end(self, path: str = "top/job", attempt: int = 1) -> event_pb2.AttemptFinished:
        """Wait for the end of an attempt."""
        await until(lambda: (path, attempt) in self.ends, f"the end of {path}")
        return self.ends[path, attempt]

    async def run_job(
        self, job: spec_pb2.Job, path: str = "top/job", cores: int = 1, array_index: int | None = None
    ) -> event_pb2.AttemptFinished:
        """Run one attempt to its end."""
        self.launch(job, path, cores=cores, array_index=array_index)
        return await self.end(path)

    async def sh(self, script: str, **settings: object) -> event_pb2.AttemptFinished:
        """Run a script of bash to its end."""
        return await self.run_job(shell(script, **settings))

    def of_kind(self, kind: str, path: str = "top/job") -> list[Payload]:
        """The payloads of one kind that were recorded for a node."""
        return [
            cast("Payload", getattr(event, kind))
            for event in self.witness.events
            if event.path == path and event.WhichOneof("payload") == kind
        ]

    def blocks(
        self, stream: common_pb2.Stream.ValueType = OUT, path: str = "top/job"
    ) -> list[event_pb2.Block]:
        """The blocks of a stream, in order."""
        blocks = [block for block in self.of_kind("block", path) if isinstance(block, event_pb2.Block)]
        return [block for block in blocks if block.stream == stream]

    def data(self, stream: common_pb2.Stream.ValueType = OUT, path: str = "top/job") -> bytes:
        """All bytes of a stream."""
        return b"".join(block.data for block in self.blocks(stream, path))

    def text(self, path: str = "top/job") -> str:
        """What was written on stdout."""
        return readable(self.data(path=path))

    def logs(self, path: str = "top/job") -> list[event_pb2.LogEvent]:
        """The messages that are not plain lines."""
        return [log for log in self.of_kind("log", path) if isinstance(log, event_pb2.LogEvent)]

    def start_of(self, path: str = "top/job") -> event_pb2.Started:
        """The record of the start."""
        (started,) = self.of_kind("started", path)
        assert isinstance(started, event_pb2.Started)
        return started


def job(*argv: str, **settings: object) -> spec_pb2.Job:
    """A job that runs a command."""
    made = spec_pb2.Job(command=argv[0], args=argv[1:])
    made.settings.CopyFrom(_settings(settings))
    return made


def shell(script: str, **settings: object) -> spec_pb2.Job:
    """A job that runs a script."""
    made = spec_pb2.Job(shell=script)
    made.settings.CopyFrom(_settings(settings))
    return made


def _settings(values: dict[str, object]) -> spec_pb2.Settings:
    # The fields are named by the tests.
    return spec_pb2.Settings(**values)  # pyright: ignore[reportArgumentType]


def stop(
    path: str = "", mode: attach_pb2.StopMode.ValueType = attach_pb2.STOP_MODE_GRACEFUL
) -> attach_pb2.Stop:
    return attach_pb2.Stop(path=path, mode=mode, reason=common_pb2.REASON_CANCELLED, message="by the test")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def pid_in(path: Path) -> int:
    """Wait for a file with a pid and give that."""
    await until(lambda: path.exists() and path.read_text().endswith("\n"), f"a pid in {path}")
    return int(path.read_text())


async def turn() -> None:
    """Let the loop go round once."""
    await asyncio.sleep(0)
