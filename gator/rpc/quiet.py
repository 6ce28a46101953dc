"""Imports grpc so that its C core stays silent; to be imported before grpc.

It writes lines of its own to stderr, for example when a server ends its streams. In a job such a line
would be an error of the job. The level is read once, when grpc is imported. A value of
GRPC_VERBOSITY in the environment takes precedence.
"""

import os

_LEVEL = "GRPC_VERBOSITY"

if _LEVEL in os.environ:
    import grpc
else:
    os.environ[_LEVEL] = "NONE"
    try:
        import grpc
    finally:
        # Programs that are started from here must not see it.
        del os.environ[_LEVEL]

__all__ = ["grpc"]
