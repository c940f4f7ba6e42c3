"""Two responses that may differ in ids and times, and in nothing else."""

import math
from collections.abc import Iterator, Mapping

import httpx

Json = object
"""As parsed; looked at by type."""

TIMES = ("_at", "timings_ms", "seconds")
IDS = ("id", "_ids", "type", "instance")
TOLERANCE = 1e-4
"""Vectors made in other batches differ in the seventh digit."""

MOST_SHOWN = 5


def differences(one: Json, other: Json, *, besides: frozenset[str] = frozenset()) -> list[str]:
    """The places where two JSON values differ, besides ids, times and these names."""
    return list(_different(one, other, "", besides))


def response_differences(one: httpx.Response, other: httpx.Response) -> list[str]:
    """The places where two responses differ, besides ids and times."""
    if one.status_code != other.status_code:
        return [f"status {one.status_code} and {other.status_code}"]
    kinds = [each.headers.get("content-type", "") for each in (one, other)]
    if kinds[0] != kinds[1]:
        return [f"content-type {kinds[0]} and {kinds[1]}"]
    if "json" in kinds[0]:
        return differences(one.json(), other.json())
    return [] if one.content == other.content else ["bodies"]


def _different(one: Json, other: Json, where: str, besides: frozenset[str]) -> Iterator[str]:
    match one, other:
        case Mapping(), Mapping():
            for name in sorted({*one, *other}):
                if not name.endswith((*TIMES, *IDS)) and name not in besides:
                    place = f"{where}.{name}"
                    yield from _different(one.get(name), other.get(name), place, besides)
        case list(), list():
            if len(one) != len(other):
                yield f"{where}: {len(one)} and {len(other)} elements"
            for index, (left, right) in enumerate(zip(one, other, strict=False)):
                yield from _different(left, right, f"{where}[{index}]", besides)
        case (float(left), (int() | float()) as right) | (int() as left, float(right)):
            if not math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
                yield f"{where}: {left} and {right}"
        case _ if one != other:
            yield f"{where}: {str(one)[:40]} and {str(other)[:40]}"
