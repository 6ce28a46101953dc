"""Calls that take a while, beside an event loop where a thread is to be had.

The rule: for what may be done twice only.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `call` gives, from a thread; where the system gives none the loop waits for it.

    Raises what `call` raises; on a RuntimeError it is called once more.
    """
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except RuntimeError:
        return call(*args, **kwargs)
