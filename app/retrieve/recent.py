"""What was worked out lately, so that it need not be worked out again."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The values used last, a bounded number of them; for one event loop.

    `functools.lru_cache` would remember coroutines, not what they return.
    """

    def __init__(self, size: int) -> None:
        """Remembers at most `size` values."""
        self._size = size
        self._value_by_key: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        """How many values are remembered."""
        return len(self._value_by_key)

    def find(self, key: Key) -> Value | None:
        """The value of this key; None when it is not remembered."""
        value = self._value_by_key.get(key)
        if value is not None:
            self._value_by_key.move_to_end(key)
        return value

    def remember(self, key: Key, value: Value) -> Value:
        """The value itself; the one unused for longest is forgotten for it when all are taken."""
        self._value_by_key[key] = value
        self._value_by_key.move_to_end(key)
        if len(self._value_by_key) > self._size:
            self._value_by_key.popitem(last=False)
        return value
