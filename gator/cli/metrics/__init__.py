"""Formats of `gator metrics` for programs.

Invariant: a number is not rounded.
"""

from gator.cli.metrics.comma_separated import csv_text
from gator.cli.metrics.openmetrics import openmetrics_text

__all__ = ["csv_text", "openmetrics_text"]
