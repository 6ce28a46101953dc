"""Wires what decides to what does: the root, the daemons, and the attempts they host.

Invariant: an event loop, a store and a process meet here and nowhere below.
"""
