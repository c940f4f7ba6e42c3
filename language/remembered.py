"""Caches of functions that read documents' texts, which a purge empties."""

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_CACHES: list["_lru_cache_wrapper[object]"] = []


def remembered(
    maxsize: int,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """`lru_cache`, emptied by `forget_texts`."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        cached = lru_cache(maxsize=maxsize)(function)
        _CACHES.append(cast("_lru_cache_wrapper[object]", cached))
        # The arguments are hashable; lru_cache's own type forgets which they are.
        return cast("Callable[Arguments, Result]", cached)

    return decorate


def count_remembered() -> int:
    """The number of results that all of them hold."""
    return sum(cache.cache_info().currsize for cache in _CACHES)


def forget_texts() -> None:
    """Empties them all; a later call computes anew."""
    for cache in _CACHES:
        cache.cache_clear()
