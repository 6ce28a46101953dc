"""Fixtures of the tests of the hub."""

from tests.component.hub.postgres import database_url, postgres_server, postgres_url, sqlite_url
from tests.component.hub.queries.many_runs import caller, hub, service

__all__ = ["caller", "database_url", "hub", "postgres_server", "postgres_url", "service", "sqlite_url"]
