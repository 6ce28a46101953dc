"""The root's own process runs attempts until the first daemon is up."""

from gator.core.dispatch.actions import Action, HandOut, StartHost
from gator.core.dispatch.dispatcher import Dispatcher
from gator.core.dispatch.hosts import BRIDGE_SECONDS, MAX_BRIDGED_READY, SLOTS_PER_HOST
from gator.core.dispatch.pools import DemandKey
from tests.unit.core.dispatch.dispatch_support import add_all, finish, handed, jobs, key, make


def started(actions: list[Action]) -> int:
    return sum(action.count for action in actions if isinstance(action, StartHost))


def hosts(actions: list[Action]) -> list[str]:
    return [action.host for action in actions if isinstance(action, HandOut)]


def bridged(cores: int = 2) -> Dispatcher:
    return make(cores, hosts=2, bridged=True)


def test_a_short_chain_runs_without_any_daemon() -> None:
    dispatcher = bridged()
    for at in range(6):
        now = at * BRIDGE_SECONDS / 10
        add_all(dispatcher, jobs(f"j{at}-", 1), now)
        actions = dispatcher.poll(now)
        assert hosts(actions) == ["inline"]
        assert not started(actions)
        finish(dispatcher, f"j{at}-0", now)


def test_few_ready_attempts_wait_for_a_core_before_daemons_are_started() -> None:
    dispatcher = bridged()
    add_all(dispatcher, jobs("j", 6), 0)
    actions = dispatcher.poll(0)
    assert handed(actions) == ["j0", "j1"]
    assert not started(actions)
    assert dispatcher.wake_at() == BRIDGE_SECONDS
    assert started(dispatcher.poll(BRIDGE_SECONDS)) == 2


def test_many_ready_attempts_start_daemons_at_once_and_the_first_run_meanwhile() -> None:
    dispatcher = bridged()
    add_all(dispatcher, jobs("j", MAX_BRIDGED_READY + 3), 0)
    actions = dispatcher.poll(0)
    assert started(actions) == 2
    assert hosts(actions)[:2] == ["inline", "inline"]


def test_one_long_job_needs_no_daemon_but_the_next_one_does() -> None:
    dispatcher = bridged()
    add_all(dispatcher, jobs("long", 1), 0)
    assert hosts(dispatcher.poll(0)) == ["inline"]
    dispatcher.on_started(key("long0"), 0)
    assert dispatcher.wake_at() is None
    assert not started(dispatcher.poll(10))
    dispatcher.on_finished(key("long0"), 10)
    add_all(dispatcher, jobs("next", 1), 10)
    actions = dispatcher.poll(10)
    assert hosts(actions) == ["inline"]
    assert started(actions) == 1


def test_once_a_daemon_is_up_the_root_gets_nothing_more() -> None:
    dispatcher = bridged()
    add_all(dispatcher, jobs("j", MAX_BRIDGED_READY + 3), 0)
    dispatcher.poll(0)
    dispatcher.on_host("h0", 0.3)
    finish(dispatcher, "j0", 0.3)
    assert set(hosts(dispatcher.poll(0.3))) == {"h0"}
    dispatcher.on_host_lost("h0", 0.4)
    assert not handed(dispatcher.poll(0.4))


def test_the_root_holds_no_more_attempts_at_once_than_one_daemon() -> None:
    dispatcher = bridged(100)
    add_all(dispatcher, jobs("free", 40, DemandKey(0)), 0)
    assert len(handed(dispatcher.poll(0))) == SLOTS_PER_HOST


def test_an_attempt_that_has_to_be_alone_starts_a_daemon_at_once() -> None:
    dispatcher = bridged()
    dispatcher.add(jobs("lost", 1)[0]._replace(alone=True), 0)
    actions = dispatcher.poll(0)
    assert not handed(actions)
    assert started(actions) == 1
