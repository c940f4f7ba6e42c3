"""Principals: who may read, written `kind:name`."""

import re
from collections.abc import Sequence

from kb.errors import InvalidPrincipal

PRINCIPAL = re.compile(r"[a-z]+:[^\s,\x00-\x1f]{1,200}")
MAX_PRINCIPALS = 500
"""A document or caller with more should use groups."""


def validate_principals(principals: Sequence[str]) -> list[str]:
    """The principals sorted and without repeats; InvalidPrincipal names the first bad one."""
    if len(principals) > MAX_PRINCIPALS:
        raise InvalidPrincipal(f"At most {MAX_PRINCIPALS} principals; use groups.")
    for principal in principals:
        if not PRINCIPAL.fullmatch(principal):
            raise InvalidPrincipal(
                f"{principal[:80]!r} is no principal: write 'kind:name', "
                "for example 'user:ana' or 'group:finance'."
            )
    return sorted(set(principals))
