"""Reads reports of tests: JUnit's XML, TAP, and the output of `go test -json`.

Invariant: any bytes give a report or one problem, in memory bounded by the maximum numbers here.
"""

from gator.core.reports.formats import FORMATS, read_report
from gator.core.reports.report import Failure, Report, ReportFile

__all__ = ["FORMATS", "Failure", "Report", "ReportFile", "read_report"]
