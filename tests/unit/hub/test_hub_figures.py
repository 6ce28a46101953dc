"""Figures of the process that serves a hub."""

import socket
import sys

import pytest

from gator_hub.database.check import figures_of


def test_figures_are_left_out_where_psutil_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.delitem(sys.modules, "gator_hub.database.figures", raising=False)
    assert figures_of("sqlite:/nowhere/hub.db", f"process 1 on {socket.gethostname()}") == ""
