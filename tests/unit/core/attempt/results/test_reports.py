"""Messages that are made from the failures in test reports."""

from gator.core.attempt.metrics import AttemptMetrics
from gator.core.attempt.report_messages import count_reports
from gator.core.attempt.severity import Messages
from gator.core.reports import Failure, Report, ReportFile
from gator.v1 import common_pb2


def test_a_failure_without_a_text_says_that_its_test_failed() -> None:
    report = Report("junit", tests=1)
    report.fail(Failure("a.TestA"))
    messages = Messages()
    found = count_reports([ReportFile(required=True, report=report)], messages, AttemptMetrics())
    best = messages.best(common_pb2.SEVERITY_ERROR)
    assert [log.text for log in found.logs] == ["a.TestA failed"]
    assert best is not None
    assert (best.shown.text, best.shown.message) == ("a.TestA failed", "a.TestA failed")
