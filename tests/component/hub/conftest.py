"""Fixtures of the tests of the hub."""

from .many_runs import caller, hub, service
from .postgres import database_url, postgres_server, postgres_url, sqlite_url

__all__ = ["caller", "database_url", "hub", "postgres_server", "postgres_url", "service", "sqlite_url"]
