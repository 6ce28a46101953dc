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
    "$error of a Verilator model that does not stop": "[5] %Error: t.sv:1: Assertion failed in TOP.t: bad\n",
    "a failed test of tcltest": (
        "==== a-1 adds FAILED\n==== Contents of test case:\nexpr 1+1\n---- Result was:\n2\n"
        "---- Result should have been (exact matching):\n3\n==== a-1 FAILED\n"
    ),
    "the summary of tcltest": "a.test:\tTotal\t3\tPassed\t2\tSkipped\t0\tFailed\t1\n",
    "a failed test of TAP": "1..2\nok 1 - header\nnot ok 2 - crc\n",
    "TAP that ends early": "1..2\nok 1 - header\nBail out!\n",
    "the summary of Catch2": "test cases: 2 | 1 passed | 1 failed\nassertions: 2 | 1 passed | 1 failed\n",
    "the summary of Surefire": "Tests run: 2, Failures: 1, Errors: 0, Skipped: 0\n",
    "the summary of RSpec": "F.\n\nFinished in 0.5 seconds\n2 examples, 1 failure\n",
    "a failed test of Robot Framework": "Push Adds                    | FAIL |\n1 != 2\n------\n",
    "a failed test of lit": "-- Testing: 2 tests, 2 workers --\nFAIL: q :: a.txt (1 of 2)\n",
    "the summary of pytest": "1 failed, 11 passed in 3.21s\n",
    "the summary of unittest": "Ran 3 tests in 0.001s\n\nFAILED (failures=2)\n",
    "an error of xsim": (
        "Error: level 17\nTime: 10 ns  Iteration: 0  Process: /tb/Initial5_1  File: /p/tb.sv  Line: 5\n"
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
    "a summary of pytest without failures": "12 passed, 0 failed in 3.21s\n",
    "a summary without errors": "0 errors in 0.5s\n",
    "a summary of a linter": "0 errors, 0 warnings in 12 files in 0.3s\n",
    "requests that failed once": "5 failed requests were retried in 3.2s\n",
    "errors that were corrected": "3 errors corrected by ECC in 2.5s\n",
    "a quoted GHDL message": "t.vhd:5:3:@5ns:(report note): t.vhd:1:2:@5ns:(assertion error): quoted\n",
    "an error that a program handles": "Error: retrying once\nTime: 12 ns  Iteration: 3 of the solver\n",
    "a word with which unittest ends": "FAILED (failures=2)\n",
    "tests of TAP that may fail": "1..2\nnot ok 1 - a # TODO later\nnot ok 2 - b # SKIP no device\n",
    "a test of TAP inside another": "    not ok 1 - inner\nok 1 - outer # handled\n",
    "expected failures of Catch2": "test cases: 2 | 1 passed | 1 failed as expected\n",
    "a heading that looks like a test of tcltest": "==== tests that FAILED\nnone\n",
    "the summary of tcltest without failures": "a.test:\tTotal\t3\tPassed\t3\tSkipped\t0\tFailed\t0\n",
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
