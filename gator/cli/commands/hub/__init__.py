"""The command `gator hub` and its subcommands for clients of a hub.

Invariant: the server is imported only for its own subcommands.
"""
