"""The outcome of an attempt: what was expected, what the facts amount to, and the message that records it.

`expectations` checks `expect` of the spec, `verdict` decides the outcome from facts, and `conclusion` makes
the AttemptFinished of both with the totals of output and metrics.

Invariant: the outcome depends on facts alone, not on the order in which they became known.

Modules are imported by name; only few jobs have expectations.
"""
