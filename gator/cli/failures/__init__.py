"""What `gator failures` lists: failures and their causes, as text and as JSON.

Invariant: new causes come first, then those that came back, then known ones; allowed failures come last.
"""
