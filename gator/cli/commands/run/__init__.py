"""Commands that start, end and remove runs, and those that jobs use."""
