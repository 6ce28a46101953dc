import sqlite3

from gator.store.schema import create_tables
from gator.store.subjects import Subjects
from gator.v1 import attach_pb2

STARTED, FINISHED = int(attach_pb2.EVENT_KIND_STARTED), int(attach_pb2.EVENT_KIND_ATTEMPT_FINISHED)


def test_a_hundred_thousand_attempts_do_not_stay_in_memory() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    subjects = Subjects()
    maximum = 0
    for at in range(0, 100_000, 1000):
        paths = [f"top/many[{number}]" for number in range(at, at + 1000)]
        for kind in (STARTED, FINISHED):
            subjects.bind(connection, [(0, path, 1, kind, 0, 0, b"") for path in paths])
            maximum = max(maximum, len(subjects))
            subjects.committed()
    assert connection.execute("SELECT count(*) FROM subjects").fetchone() == (100_000,)
    assert (maximum, len(subjects)) == (1000, 0)
    connection.close()


def test_what_was_rolled_back_is_inserted_again() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    subjects = Subjects()
    connection.execute("BEGIN")
    subjects.bind(connection, [(1, "top", 1, STARTED, 0, 0, b"")])
    connection.execute("ROLLBACK")
    subjects.rolled_back()
    ((_, subject, *_),) = subjects.bind(connection, [(1, "top", 1, STARTED, 0, 0, b"")])
    assert connection.execute("SELECT path FROM subjects WHERE id = ?", (subject,)).fetchone() == ("top",)
    connection.close()
