"""Fakes of the ports and a simulated world, for tests of Gator and of what extends it.

Invariant: a fake keeps the contract of its port, and has tests of its own.
"""
