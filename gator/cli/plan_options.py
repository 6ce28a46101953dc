"""From the name of a spec to a request for its plan, for commands that run nothing."""

from collections.abc import Sequence

from gator.cli import run_options as opt
from gator.errors import Problem
from gator.v1 import plan_pb2


def request_of(
    spec: str,
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    tags: Sequence[str] = (),
    seeds: Sequence[str] = (),
    ident: str | None = None,
) -> tuple[plan_pb2.PlanRequest, list[Problem]]:
    """The request and the warnings of the spec. Raises SpecError and UsageError."""
    loaded = opt.load_spec(spec, ident)
    choice = opt.Choice(
        only=opt.with_last_failures(list(only), loaded, opt.tracking_root()),
        skip=skip,
        tags=tags,
        seeds=seeds,
        limit_warning=None,
        limit_error=None,
        limit_critical=None,
        timeout=None,
        max_fail=None,
    )
    return opt.plan_request(loaded, choice), list(loaded.warnings)
