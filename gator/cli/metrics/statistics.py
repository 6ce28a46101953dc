"""Text of the statistics of a metric."""

from gator.console import describe
from gator.v1 import event_pb2


def rounded_quantile(quantile: float, total: event_pb2.MetricTotal) -> str:
    """Returns a quantile with as many digits as are known of it, between minimum and maximum."""
    return describe.number(min(max(float(f"{quantile:.3g}"), total.min), total.max))
