"""The hub: a server that keeps the runs of many people, and answers what many runs tell."""
