"""Options that several commands have, and the values that they take.

Invariant: a wrong value is an OptionError of the form `--option VALUE: must be …`.
"""
