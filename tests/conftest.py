"""What holds for all tests: profiles of the property tests, signals, and the event loop.

A run of the tests has to give the same answer each time, so examples are derandomized by default;
`tools/test --explore` draws random ones. What that finds is added to its test by `@example`.
"""

import asyncio
import signal

from hypothesis import HealthCheck, settings

# A shell starts background jobs with SIGINT ignored, and nohup ignores SIGHUP: processes that tests start
# would inherit that, and gator obeys it.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

# pytest-asyncio 1.3 makes an event loop before the first asynchronous test and never closes it; the warning
# about it makes a later test fail. It makes none after this call.
asyncio.set_event_loop(None)

# How long examples take says nothing about the code on a loaded machine.
settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("steady")
