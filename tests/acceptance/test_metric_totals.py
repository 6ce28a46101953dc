"""The metrics of every node equal those that are computed again from the events of the record."""

import pytest

from gator.core.metrics import Totals
from gator.node_paths import ancestors
from gator.query.reader import read_to_end
from gator.store.run.reader import FolderReader
from gator.v1 import attach_pb2
from tests.acceptance.support import Gator

SPEC = r"""
!JobGroup
ident: top
metrics: {time: {match: 'took (\S+) s', kind: mean, unit: s}, size: {match: 'size (?P<value>\S+)', kind: max}}
jobs:
- !JobArray
  ident: sims
  repeats: 6
  jobs:
  - !Job
    ident: sim
    retries: {count: 1, reasons: [exit]}
    shell: |
      for i in $(seq 3); do
        echo "took 0.$i$GATOR_ARRAY_INDEX s"
        echo "size 1e$((i * GATOR_ARRAY_INDEX))"
      done
      echo "::gator metric name=attempts value=$GATOR_ATTEMPT kind=sum"
      gator metric left -- -0.1
      [ $GATOR_ATTEMPT -gt 1 ] || [ $GATOR_ARRAY_INDEX -lt 3 ]
- !JobGroup
  ident: many
  jobs:
  - !Job {ident: values, shell: 'for i in $(seq 2500); do echo "took 0.$i s"; done'}
  - !Job {ident: fails, shell: 'echo size 7; exit 1', allow_failure: true}
"""


@pytest.mark.parametrize("placement", ["inline", "daemons", "tiers"])
def test_metrics_follow_from_the_events_of_the_last_attempts(gator: Gator, placement: str) -> None:
    gator("run", gator.spec(SPEC), "--placement", placement).expect(0)
    with FolderReader.open(gator.folder, live=False) as reader:
        paths = [f"top/sims/sim[{number}]" for number in range(6)] + ["top/many/values", "top/many/fails"]
        expected: dict[str, Totals] = {}
        for path in paths:
            attempt = reader.attempts(path)[-1]
            own = Totals()
            kinds = [attach_pb2.EVENT_KIND_METRIC]
            for events, _ in read_to_end(
                reader, attempt.store, 0, 1000, path=path, attempt=attempt.number, kinds=kinds
            ):
                for event in events:
                    own.add(event.metric)
            for each in (path, *ancestors(path)):
                expected.setdefault(each, Totals()).merge(own.totals())
        found = reader.metrics(list(expected))
    assert {path: list(totals) for path, totals in found.items()} == {
        path: totals.totals() for path, totals in expected.items()
    }
    top = {total.name: total for total in found["top"]}
    # Three jobs passed in their second attempt.
    assert (top["attempts"].value, top["attempts"].count) == (9, 6)
    assert top["time"].count == 6 * 3 + 2500
    assert top["size"].max == 1e15


def test_trend_and_diff_show_the_values_of_a_metric(gator: Gator) -> None:
    spec = gator.spec(
        "!JobGroup\nident: top\nparams: {n: 3}\njobs:\n"
        "- !Job {ident: a, shell: 'for i in $(seq $GATOR_PARAM_N); do "
        'echo "::gator metric name=time value=$i unit=s"; done\'}\n'
    )
    gator("run", spec).expect(0)
    gator("run", spec, "--param", "n=100").expect(0)
    said = gator("trend", "top/a", "--metric", "time", "--metric", "tim").expect(0).out
    rows = [line.split()[3:] for line in said.splitlines() if " s " in line]
    assert rows == [["100", "s", "100", "49.9", "94.6"], ["3", "s", "3", "1.99", "1.99"]]
    assert "no run has a metric 'tim': did you mean 'time'?" in said
    assert "time count  3 → 100" in gator("diff").expect(0).out
