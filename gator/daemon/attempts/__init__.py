"""Hosts attempts: starts their processes, reads their output, samples and ends them."""
