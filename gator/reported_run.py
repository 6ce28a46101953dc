"""The process that `gator.run` starts: the command `gator` with a file descriptor before its arguments.

It reports to that file, see `gator.cli.run_report`.
"""

import sys

from gator import __main__ as command
from gator.cli.run_report import report_to


def main() -> None:
    """Runs the command line after the file descriptor."""
    file, *args = sys.argv[1:]
    report_to(int(file))
    sys.argv[:] = [command.__file__, *args]
    command.main()


if __name__ == "__main__":
    main()
