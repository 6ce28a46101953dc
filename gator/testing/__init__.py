"""Fakes of the ports and a simulated world, for tests of Gator and of what extends it.

The rule: a fake keeps the contract of what it stands for, and is tested itself.
"""
