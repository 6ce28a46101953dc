import pytest


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait for hubs as long as runs do."""
    from gator.daemon import upload_stream

    monkeypatch.setattr(upload_stream, "MOST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(upload_stream, "STALLED_SECONDS", 0.3)
