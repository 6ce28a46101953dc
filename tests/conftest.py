"""Profiles of the property tests.

A run of the tests has to give the same answer each time, so examples are derandomized by default;
`tools/test --explore` draws random ones. What that finds is added to its test by `@example`.
"""

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("steady")
