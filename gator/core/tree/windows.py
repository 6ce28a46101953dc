"""The numbers of repeats that exist at a time below one array, so that its size does not limit a run."""

WINDOW_JOBS = 512
"""Maximum number of repeats of one job: more than all daemons hold."""
WINDOW_TIERS = 1024
"""Maximum number of repeats of one group."""
