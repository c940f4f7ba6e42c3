"""Caches of functions that read documents' texts, which a purge empties."""

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_CLEAR: list[Callable[[], None]] = []


def remembered(
    maxsize: int,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """`lru_cache`, emptied by `forget_texts`."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        cached = lru_cache(maxsize=maxsize)(function)
        _CLEAR.append(cached.cache_clear)
        # The arguments are hashable; lru_cache's own type forgets which they are.
        return cast("Callable[Arguments, Result]", cached)

    return decorate


def forget_texts() -> None:
    """Empties them all; a later call computes anew."""
    for clear in _CLEAR:
        clear()
