"""Metrics as OpenMetrics text, which Prometheus and other monitoring systems read.

A metric `cycles` becomes the families `gator_cycles` (a counter if its kind is sum and no value is negative,
else a gauge) and the gauges `gator_cycles_count`, `_sum`, `_min`, `_max`, `_mean` and `_quantile`. A summary
would have no negative values.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Final, TypeAlias

from gator.enum_names import enum_name
from gator.v1 import event_pb2, query_pb2

_NO_NAME: Final = re.compile("[^a-zA-Z0-9_]")
_GAUGES: Final = ("count", "sum", "min", "max", "mean")
_SUFFIXES: Final = ("", "_quantile", *(f"_{name}" for name in _GAUGES))
_Labels: TypeAlias = dict[str, str]
_Entries: TypeAlias = list[tuple[_Labels, event_pb2.MetricTotal]]


def openmetrics_text(run: query_pb2.Run, nodes: Iterable[query_pb2.NodeMetrics]) -> str:
    """Returns the metrics of nodes of a run, grouped by name."""
    by_name: dict[str, _Entries] = {}
    for node in nodes:
        for totals, state in ((node.metrics, "false"), (node.running, "true")):
            for total in totals:
                labels = {"run": run.id, "path": node.path, "name": total.name}
                labels |= {"unit": total.unit, "kind": _kind(total), "running": state}
                by_name.setdefault(total.name, []).append((labels, total))
    taken = set[str]()
    lines: list[str] = []
    for name in sorted(by_name):
        lines += _families(_family(name, taken), by_name[name])
    return "\n".join([*lines, "# EOF\n"])


def _kind(total: event_pb2.MetricTotal) -> str:
    return enum_name(event_pb2.MetricKind.DESCRIPTOR, total.kind) or "last"


def _family(name: str, taken: set[str]) -> str:
    """Returns the name of a family; different metrics have different ones, also with their suffixes."""
    family = f"gator_{_NO_NAME.sub('_', name)}"
    while any(f"{family}{suffix}" in taken for suffix in _SUFFIXES):
        family += "_"
    taken.update(f"{family}{suffix}" for suffix in _SUFFIXES)
    return family


def _families(family: str, entries: _Entries) -> Iterator[str]:
    is_counter = all(total.kind == event_pb2.METRIC_KIND_SUM and total.value >= 0 for _, total in entries)
    yield f"# TYPE {family} {'counter' if is_counter else 'gauge'}"
    for labels, total in entries:
        yield _sample(f"{family}_total" if is_counter else family, labels, total.value)
    for field in _GAUGES:
        yield f"# TYPE {family}_{field} gauge"
        for labels, total in entries:
            if field not in ("sum", "mean") or total.HasField("sum"):
                yield _sample(f"{family}_{field}", labels, getattr(total, field))
    yield f"# TYPE {family}_quantile gauge"
    for labels, total in entries:
        for quantile in total.quantiles:
            ranked = labels | {"quantile": f"{quantile.rank:g}"}
            yield _sample(f"{family}_quantile", ranked, quantile.value)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items() if text)
    number = {inf: "+Inf", -inf: "-Inf"}.get(value, repr(value) if value == value else "NaN")
    return f"{name}{{{shown}}} {number}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
