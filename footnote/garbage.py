"""The garbage collector while modules are loaded, which make no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOADING_THRESHOLD: Final = 500_000
"""Objects between two passes of the garbage collector. Loading the modules makes fewer, which
stay; looking through them again and again took a tenth of a command's processor time, and .4 of the
2.1 s in which a service is loaded."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """The garbage collector hardly runs inside the block, and leaves what was made there alone."""
    usual = gc.get_threshold()
    gc.set_threshold(LOADING_THRESHOLD)
    try:
        yield
    finally:
        # Modules stay: each later pass would look through them, and building the routes of the API
        # took four times as long.
        gc.freeze()
        gc.set_threshold(*usual)
