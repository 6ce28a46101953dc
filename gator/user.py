"""The user that this process belongs to. Imports little, because every start of a run asks."""

import os


def user_name() -> str:
    """Returns the name of the user: LOGNAME and the like, else the passwd entry, else the number.

    A container may run under a number that has no entry (`docker run --user 12345`).
    """
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # KeyError until Python 3.12, OSError from 3.13 on.
        return str(os.getuid())
