"""The options of `gator run` that choose a part of a spec."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from gator.cli.last_globs import FAILED, PASSED
from gator.core.series import selection_of
from gator.v1 import query_pb2


class Part(Struct, frozen=True):
    """Which part of a spec runs, as options say it; after `resolve` without words such as `@failed`."""

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    tags: Sequence[str] = ()
    repeat: str = ""
    """The run of which a part is repeated, as its user named it; after `resolve` its id."""
    seed: int | None = None
    """Seed of the run that is repeated, which holds where none is given."""
    job_seeds: Mapping[str, int] = field(default_factory=dict[str, int])
    """Seeds with which jobs of that run and its repeats failed, by path."""

    def selection(self) -> query_pb2.Selection:
        """The selection of a run with these options."""
        return selection_of(self.only, self.skip, self.tags)

    @property
    def refers_to_runs(self) -> bool:
        """Whether earlier runs have to be looked at to know what it means."""
        return bool(self.repeat) or FAILED in self.only or PASSED in self.skip
