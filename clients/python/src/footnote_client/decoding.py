"""From JSON to the dataclasses of the contract, by their annotations."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def decode(kind: type[T], value: object) -> T:
    """The value as the annotated type, a dataclass as a rule.

    Fields without a place there are ignored; one that has a default or may be None may be absent.
    ValueError names the field in which something else was found.
    """
    decoded: T = _decode(kind, value, kind.__name__)
    return decoded


@cache
def _hints(kind: Any) -> dict[str, Any]:  # noqa: ANN401  # a class, to which no type can be given
    return get_type_hints(kind)


def _decode(hint: Any, value: object, name: str) -> Any:  # noqa: ANN401  # any annotation
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        if value is None and NoneType in arguments:
            return None
        others = [each for each in arguments if each is not NoneType]
        return _decode(others[0], value, name) if len(others) == 1 else value
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        hints = _hints(hint)
        return hint(
            **{
                each.name: _decode(hints[each.name], value.get(each.name), f"{name}.{each.name}")
                for each in fields(hint)
                if each.name in value or each.default is MISSING
            }
        )
    if origin is tuple and isinstance(value, list):
        return tuple(_decode(arguments[0], each, name) for each in value)
    if hint is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    expected = {Literal: (int, str), float: (int, float)}.get(origin or hint, origin or hint)
    if isinstance(expected, (type, tuple)) and isinstance(value, expected):
        return value
    raise ValueError(f"{name} is {type(value).__name__}")
