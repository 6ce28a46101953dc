"""The page in a real browser, with a real hub and real runs: the tests are in hub/web/tests/browser."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import web_page

WEB = Path(__file__).parents[3] / "hub" / "web"
VITEST = WEB / "node_modules" / "vitest" / "vitest.mjs"
PAGE = WEB.parent / "gator_hub" / "web" / "page" / "index.html"
CHROMIUM = shutil.which("chromium")
SECONDS = 900


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.skipif(not VITEST.is_file(), reason="needs vitest: tools/wheel/web_page.py --with-tests")
@pytest.mark.skipif(not PAGE.is_file(), reason="needs a built page: tools/wheel/web_page.py")
@pytest.mark.timeout(SECONDS + 60)
def test_what_a_person_does_with_the_page_works() -> None:
    environ = {**web_page.environ_of_node(), "GATOR_TEST_PYTHON": sys.executable}
    environ |= {"GATOR_TEST_CHROMIUM": str(CHROMIUM), "NO_COLOR": "1"}
    environ["PYTHONPATH"] = os.pathsep.join([str(WEB.parents[1]), str(WEB.parent)])
    done = subprocess.run(
        ["node", str(VITEST), "run", "--project", "browser"],
        cwd=WEB,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
