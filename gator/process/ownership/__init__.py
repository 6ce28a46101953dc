"""Which processes belong to which attempt, daemon or run."""
