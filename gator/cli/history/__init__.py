"""Earlier runs, in folders and on hubs, with one interface: `gator.ports.History`.

Invariant: reads only, and never takes longer than its timeout.
"""
