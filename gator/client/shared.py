"""The client that the functions of this package and the handlers of `logging` share."""

import os

from gator.client import forks
from gator.client.client import Client

_shared: list[Client] = []


def shared_client() -> Client:
    """Returns the shared client, which is made by the first call."""
    # Without a lock: a frozen thread might hold it while a destructor sends a message.
    if not _shared:
        with forks.lifecycle:
            if not _shared:
                _shared.append(Client(os.environ))
    return _shared[0]
