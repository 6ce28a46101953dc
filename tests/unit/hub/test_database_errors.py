"""What the errors of peewee and of a driver say about a statement that failed."""

import sqlite3

import peewee as pw

from gator_hub.database.database import cause_of, is_transient


def _wrapped(driver: Exception, handled: Exception) -> BaseException:
    """Returns `driver` as peewee raises it while `handled` is handled, which is then the context."""
    wrapped = pw.OperationalError(driver, *driver.args)
    wrapped.__context__ = handled
    return wrapped


def test_the_cause_is_the_driver_error_whatever_the_context_is() -> None:
    driver = sqlite3.OperationalError("disk I/O error")
    assert cause_of(_wrapped(driver, pw.IntegrityError("another statement"))) is driver


def test_the_cause_of_an_error_of_peewee_itself_is_that_error() -> None:
    error = pw.InterfaceError("the connection is not open")
    error.__context__ = ValueError("handled before")
    assert cause_of(error) is error


def test_an_error_is_judged_by_the_driver_error_and_not_by_the_context() -> None:
    driver = sqlite3.OperationalError("database or disk is full")
    driver.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert is_transient(_wrapped(driver, sqlite3.IntegrityError("another statement")))
