"""The database of a hub: SQLite or PostgreSQL, its tables, lock and integrity.

Invariant: `tables` describes each row once, for both databases.
"""
