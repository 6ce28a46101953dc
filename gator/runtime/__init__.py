"""Start and end of a process of Gator: encoding, standard streams, signals, imports, diagnostics, exit.

Invariant: modules of this package import only the standard library, because they run before anything else.
"""
