"""The command `gator`, also as `python3 -m gator`.

Invariant: until Ctrl-C ends the process without a traceback, only built-in modules are imported.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import NoReturn
else:
    # The module `signal` imports `enum`, which takes milliseconds.
    import _signal as signal

_INTERRUPTED = 130


def main() -> "NoReturn":
    """Runs the command line.

    An interrupt has its default action while modules are imported, because nothing has started that must be
    ended in order. An interrupt that the parent process ignores stays ignored.
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
