"""The command `gator`, also as `python3 -m gator`.

Rule: nothing is imported here before Ctrl-C ends the process without a traceback.
"""

import signal
import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Runs the command line.

    While its modules are imported an interrupt has its default action, because nothing has begun that needs
    an end in good order. One that the starter ignores stays ignored.
    """
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gator.cli import main as command_line

    try:
        if is_default:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command_line.main()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
