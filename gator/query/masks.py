"""Hides values that look like secrets before a job is shown. Rule: the name decides, as everywhere."""

from gator.core.secrecy import mask_variables
from gator.v1 import spec_pb2


def masked(job: spec_pb2.Job) -> spec_pb2.Job:
    """A copy of a job without the values of variables that look like secrets."""
    copy = spec_pb2.Job()
    copy.CopyFrom(job)
    mask_variables(copy)
    return copy
