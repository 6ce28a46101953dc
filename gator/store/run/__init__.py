"""The record of one run: its folder, its stores, and reading them together."""
