"""The ledger: what is out never exceeds the pools."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gator.core.dispatch.ledger import CORELESS, CORES, Ledger, Share
from gator.core.dispatch.pools import DemandKey, Pools
from gator.errors import GatorError
from gator.v1 import common_pb2

GB = 10**9


def ledger(cores: int = 4, memory: int = 8 * GB, given: bool = False, **licenses: int) -> Ledger:
    return Ledger(Pools(cores, memory, given, licenses))


def take(book: Ledger, demand: DemandKey) -> Share:
    share = book.take(demand)
    assert share is not None
    return share


def test_a_share_is_taken_and_given_back() -> None:
    book = ledger(ToolA=2)
    demand = DemandKey(3, GB, (("ToolA", 2),))
    share = take(book, demand)
    assert share.cores == 3
    assert list(book.free) == [1, 64, 7 * GB, 0]
    assert not book.fits(DemandKey(2))
    assert book.take(DemandKey(2)) is None
    assert book.shortage(book.need(demand)) == ["3 cores, 1 free", "license ToolA: 2 wanted, 0 of 2 free"]
    book.give(share)
    assert list(book.free) == list(book.size)


def test_a_share_is_given_back_only_once() -> None:
    book = ledger()
    share = take(book, DemandKey(1))
    book.give(share)
    with pytest.raises(ValueError, match="not out"):
        book.give(share)


def test_a_job_with_more_cores_than_there_are_runs_alone_with_one_warning() -> None:
    book = ledger(cores=4)
    big = DemandKey(9)
    assert book.problems([big, big]).warnings == (
        "9 cores wanted, but the run has 4 cores: such a job runs alone",
    )
    share = take(book, big)
    assert share.cores == 4
    assert not book.fits(DemandKey(1))


def test_a_job_with_more_memory_than_the_machine_runs_alone() -> None:
    book = ledger(memory=GB)
    share = take(book, DemandKey(2, 5 * GB))
    assert share.cores == 2
    assert not book.fits(DemandKey(1))


def test_more_memory_than_the_run_was_given_is_an_error() -> None:
    book = ledger(memory=GB, given=True)
    findings = book.problems([DemandKey(1, 5 * GB)])
    assert findings.errors == ("5 GB of memory wanted, but the run was given 1 GB: raise --memory",)
    assert findings.warnings == ()
    assert not book.fits(DemandKey(1, 5 * GB))
    with pytest.raises(GatorError):
        book.take(DemandKey(1, 5 * GB))


def test_a_license_without_a_pool_is_unlimited_and_noted_once() -> None:
    book = ledger()
    demand = DemandKey(0, 0, (("ToolB", 7),))
    assert book.problems([demand, DemandKey(1, 0, (("ToolB", 1),))]).notes == (
        "license ToolB has no pool and is unlimited",
    )
    for _ in range(5):
        take(book, demand)


def test_more_licenses_than_the_pool_has_is_an_error() -> None:
    findings = ledger(ToolA=1).problems([DemandKey(1, 0, (("ToolA", 2),))])
    advice = "raise `licenses` of the root, or --license"
    assert findings.errors == (f"license ToolA: 2 wanted, but the pool has 1: {advice}",)


@pytest.mark.parametrize(("cores", "maximum"), [(1, 64), (8, 64), (16, 128)])
def test_jobs_without_cores_are_free_up_to_a_number(cores: int, maximum: int) -> None:
    book = ledger(cores=cores)
    for _ in range(maximum):
        take(book, DemandKey(0))
    assert not book.fits(DemandKey(0))
    assert book.free[CORES] == cores
    assert book.free[CORELESS] == 0
    assert book.fits(DemandKey(1))


def test_a_key_is_made_from_a_message_and_back() -> None:
    demand = common_pb2.Demand(cores=2, memory_bytes=5, licenses={"b": 1, "a": 2, "none": 0})
    key = DemandKey.of(demand)
    assert key == DemandKey(2, 5, (("a", 2), ("b", 1)))
    assert DemandKey.of(key.message()) == key


DEMANDS = st.builds(
    DemandKey,
    st.integers(0, 9),
    st.integers(0, 20),
    st.dictionaries(st.sampled_from(["a", "b", "free"]), st.integers(1, 2)).map(
        lambda licenses: tuple(sorted(licenses.items()))
    ),
)


@given(st.lists(st.tuples(st.booleans(), DEMANDS, st.integers(0)), max_size=80))
def test_the_ledger_is_never_over_committed(steps: list[tuple[bool, DemandKey, int]]) -> None:
    pools = Pools(5, 10, False, {"a": 2, "b": 3})
    book = Ledger(pools)
    out: list[tuple[DemandKey, Share]] = []
    for is_take, demand, which in steps:
        if is_take:
            fits = book.fits(demand)
            share = book.take(demand)
            assert (share is not None) == fits
            if share is not None:
                out.append((demand, share))
        elif out:
            book.give(out.pop(which % len(out))[1])
        assert sum(share.cores for _, share in out) <= pools.cores
        assert sum(min(each.memory_bytes, 10) for each, _ in out) <= 10
        for name, size in pools.licenses.items():
            assert sum(dict(each.licenses).get(name, 0) for each, _ in out) <= size
        if any(each.memory_bytes > 10 for each, _ in out):
            assert sum(1 for each, _ in out if each.cores) <= 1
    for _, share in out:
        book.give(share)
    assert list(book.free) == list(book.size)
