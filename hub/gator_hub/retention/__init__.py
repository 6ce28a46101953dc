"""Deletes old runs and shortens very long logs."""
