"""Finds the cause of a failure: the message that explains it, and a signature that groups equal causes.

`first_error` chooses the message, `signature` makes the signature from it. Attempts, the tree and hubs use
both, so that a failure has the same signature wherever it is computed.

Invariant: the first error and the signature depend on what a job wrote, never on where or when it ran.
"""
