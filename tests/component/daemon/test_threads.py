"""Calls beside an event loop, with and without a thread."""

import threading

import pytest

from gator.daemon.threads import in_thread


async def test_a_call_is_made_beside_the_loop() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()


async def test_where_there_is_no_thread_it_is_made_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert await in_thread(threading.get_ident) == threading.get_ident()
