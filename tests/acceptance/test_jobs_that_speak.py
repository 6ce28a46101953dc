"""Jobs that use the client in a real run: processes they fork are heard, notices do not count."""

import pytest

from tests.acceptance.support import Gator

SPEAKING = """\
import multiprocessing, os, sys
from gator import client

def child(number):
    client.info(f"child {number}")

if __name__ == "__main__":
    client.info("parent")
    if os.fork() == 0:
        child(0)
        os._exit(0)
    os.wait()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(child, [1, 2, 3])
"""


@pytest.mark.parametrize("placement", ["inline", "daemons"])
def test_a_job_that_forks_passes_and_all_its_processes_are_heard(gator: Gator, placement: str) -> None:
    gator.spec(SPEAKING, "speaking.py")
    spec = gator.spec("!Job {ident: a, command: python3, args: [speaking.py]}\n")
    gator("run", spec, "--placement", placement).expect(0)
    said = gator("logs", "a", "--long").expect(0).out
    for text in ("parent", "child 0", "child 1", "child 2", "child 3"):
        assert said.count(text) == 1, said


@pytest.mark.parametrize(
    ("surroundings", "notice"),
    [
        ("GATOR_TOKEN=wrong", "messages of this job are no longer recorded"),
        ("GATOR_PARENT=", "not inside a job of Gator: nothing is recorded"),
    ],
)
def test_a_notice_of_the_client_is_a_warning_of_gator_and_never_fails_the_job(
    gator: Gator, surroundings: str, notice: str
) -> None:
    program = "from gator import client; client.info('x')"
    spec = gator.spec(
        "!Job\n"
        "  ident: a\n"
        "  limits: {error: 0, warning: 0}\n"
        f'  shell: {surroundings} python3 -c "{program}"\n'
    )
    gator("run", spec).expect(0)
    assert notice in gator("logs", "a", "--long").expect(0).out
    assert gator("failures").expect(0).out.startswith("nothing failed")


def test_a_value_that_is_no_number_is_remarked_and_never_fails_the_job(gator: Gator) -> None:
    program = "from gator import client; client.metric('slack', float('nan'))"
    spec = gator.spec(
        f'!Job\n  ident: a\n  limits: {{error: 0, warning: 0}}\n  shell: python3 -c "{program}"\n'
    )
    gator("run", spec).expect(0)
    assert "the metric slack is not recorded: its value is NaN" in gator("logs", "a", "--long").expect(0).out
