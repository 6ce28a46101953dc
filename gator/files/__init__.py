"""Reads files safely: `bounded` those that a user names, `regular` small ones that may be untrusted.

Invariant: no reader takes more than a maximum size.
"""
