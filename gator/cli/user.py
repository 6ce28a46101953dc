"""The user of this process. Imports little, because every start of a run uses it."""

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
