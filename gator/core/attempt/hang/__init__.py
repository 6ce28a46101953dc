"""Attempts that hang: when an attempt counts as silent, and what its processes did then."""
