"""What tools print that state a failure and return 0 fails a job; what only looks like it does not."""

import pytest

from gator.parsers import Recognised, StreamParser
from gator.parsers.check import rules_for
from gator.v1 import common_pb2

FAILED = {
    "an Icarus message of two lines": (
        "ERROR: a.v:3: bad line1\nsecond line of the message\n       Time: 10 Scope: top\n"
    ),
    "a line of another process in a message": "ERROR: a.v:3: bad\nloading\n       Time: 10 Scope: top\n",
    "a message that continues as an Icarus message begins": (
        "ERROR: a.v:3: bad\nERROR: b.v:4: worse\n       Time: 10 Scope: top\n"
    ),
    "the time line of an Icarus error alone": "Expected 3\n       Time: 10 Scope: top\n",
    "an Icarus path with a blank": "ERROR: my dir/a.v:3: bad\n       Time: 10  Scope: top\n",
    "an Icarus path with a drive": "ERROR: C:\\x\\a.v:3: bad\n       Time: 10  Scope: top\n",
    "a missing memory file beside a path with a blank": (
        "ERROR: my dir/a.v:3: $readmemh: Unable to open nope.hex for reading.\n"
    ),
    "a GHDL path with a blank": "my dir/a.vhd:3:4:@10ns:(report failure): bad\n",
    "a GHDL path with a drive": "C:\\x\\a.vhd:3:4:@10ns:(assertion error): bad\n",
    "a UVM path with blanks": "UVM_ERROR /path with space/a.sv(3) @ 10: uvm_test_top [X] bad\n",
    "a UVM message behind a time": "[12:00:01] UVM_FATAL a.sv(3) @ 10: uvm_test_top [X] bad\n",
    "a UVM message under Riviera-PRO": "# KERNEL: UVM_ERROR a.sv(3) @ 10: uvm_test_top [X] bad\n",
    "a VHDL report under Riviera-PRO": "# EXECUTION:: ERROR  : bad\n",
    "$error under Riviera-PRO": "# KERNEL: Error: testbench.sv (23): Assertion Failed\n",
    "an alert of OSVVM": "%% Alert ERROR   in top, bad at 10 ns\n",
    "the result of OSVVM": "%%  DONE   FAILED  tb  Total Error(s) = 1  Failures: 1  Errors: 0\n",
    "the summary of VUnit": "fail 1 of 2\n=====================\n",
    "the result of SVUnit": "INFO:  [10][testrunner]: FAILED (0 of 1 suites passing) [v3.37.0]\n",
    "the summary of Questa": (
        "# End time: 14:03:52 on Feb 24,2025, Elapsed time: 0:00:03\n# Errors: 2, Warnings: 1\n"
    ),
}
PASSED = {
    "a heading that looks like the summary of Questa": "# Errors: 3, Warnings: 2\n",
    "the summary of Questa without errors": (
        "# End time: 14:03:52 on Feb 24,2025, Elapsed time: 0:00:03\n# Errors: 0, Warnings: 1\n"
    ),
    "warnings and notes of Icarus": (
        "WARNING: a.v:4: w1\nw2\n         Time: 11 Scope: top\nINFO: a.v:4: i\nj\n      Time: 11 Scope: top\n"
    ),
    "a UVM summary without errors": "[12:00:01] UVM_ERROR :    0\n",
}


def _decisive(text: str) -> list[Recognised]:
    stream = StreamParser(rules_for("auto"))
    found = [*stream.feed(1, text.encode()), *stream.finish()]
    return [
        message
        for message in found
        if message.entry.decisive
        and message.severity >= common_pb2.SEVERITY_ERROR
        and not (message.entry.metric and message.value == "0")
    ]


@pytest.mark.parametrize("text", FAILED.values(), ids=list(FAILED))
def test_a_stated_failure_is_decisive(text: str) -> None:
    assert _decisive(text)


@pytest.mark.parametrize("text", PASSED.values(), ids=list(PASSED))
def test_text_that_looks_like_a_failure_is_not_decisive(text: str) -> None:
    assert not _decisive(text)
