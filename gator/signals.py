"""Signals as a process finds them at its start: what its starter blocked or ignored is passed on by exec.

Invariant: TERM and the end of a child always reach this process; INT, HUP and QUIT that the starter ignored
stay ignored, because that is how nohup and `command &` in a script protect a process.
"""

import signal

_NEEDED = (signal.SIGCHLD, signal.SIGTERM)


def reset_inherited() -> None:
    """Unblocks all signals, and gives SIGCHLD and SIGTERM their default action where they are ignored.

    To be called before the first thread and the first child. A signal that was sent while it was blocked
    arrives at once.
    """
    for number in _NEEDED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def is_ignored(number: signal.Signals) -> bool:
    """Whether the starter of this process ignored a signal, and this process still does."""
    return signal.getsignal(number) is signal.SIG_IGN
