"""The hub's process: its options, access, services and log."""
