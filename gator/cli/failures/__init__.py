"""Lists failures and their causes for `gator failures`, as text and as JSON.

Invariant: new causes come first, then those that came back, then known ones; allowed failures come last.
"""
