"""Signal dispositions inherited at the start: exec passes on blocked and ignored signals.

Invariant: TERM and CHLD always reach this process; ignored INT, HUP and QUIT stay ignored, because nohup and
`command &` in a script protect a process that way.
"""

import signal

_NEEDED = (signal.SIGCHLD, signal.SIGTERM)


def reset_inherited() -> None:
    """Unblocks all signals, and gives SIGCHLD and SIGTERM their default action where they are ignored.

    Must be called before the first thread and the first child. Pending blocked signals are delivered at
    once.
    """
    for number in _NEEDED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def is_ignored(number: signal.Signals) -> bool:
    """Returns whether this process inherited a signal as ignored and still ignores it."""
    return signal.getsignal(number) is signal.SIG_IGN
