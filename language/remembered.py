"""Caches of functions that read documents' texts, which a purge empties."""

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache, wraps
from typing import Final, ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LONG_TEXT: Final = 500
"""Characters; a sentence is shorter, a passage longer."""

MAX_LONG_TEXTS: Final = 128
"""What four functions read of so many texts of 6,000 characters takes 95 MB; of 1,024, 710."""

_CACHES: list["_lru_cache_wrapper[object]"] = []


def remembered(
    maxsize: int,
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """`lru_cache`, emptied by `forget_texts`."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        # The arguments are hashable; lru_cache's own type forgets which they are.
        return cast("Callable[Arguments, Result]", _cached(function, maxsize))

    return decorate


def remembered_texts(
    maxsize: int,
) -> Callable[[Callable[[str], Result]], Callable[[str], Result]]:
    """`remembered` for what is read of a text, and fewer of long ones, of which it is much."""

    def decorate(function: Callable[[str], Result]) -> Callable[[str], Result]:
        of_short, of_long = _cached(function, maxsize), _cached(function, MAX_LONG_TEXTS)

        @wraps(function)
        def read(text: str) -> Result:
            return of_short(text) if len(text) <= LONG_TEXT else of_long(text)

        return read

    return decorate


def _cached(function: Callable[Arguments, Result], maxsize: int) -> "_lru_cache_wrapper[Result]":
    cached = lru_cache(maxsize=maxsize)(function)
    _CACHES.append(cast("_lru_cache_wrapper[object]", cached))
    return cached


def count_remembered() -> int:
    """The number of results that all of them hold."""
    return sum(cache.cache_info().currsize for cache in _CACHES)


def forget_texts() -> None:
    """Empties them all; a later call computes anew."""
    for cache in _CACHES:
        cache.cache_clear()
