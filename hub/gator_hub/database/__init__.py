"""The hub's database: SQLite or PostgreSQL, its schema, lock and integrity."""
