"""Answers with personal data covered, for tenants whose policy wants that.

The stored record stays verbatim, so that a change of the policy changes every answer. A mask is as
long as what it covers: all offsets stay right, and what is not covered can be checked.
"""

from collections.abc import Mapping
from typing import Final

from app.resources import Resources
from kb.ids import TenantId
from language.personal_data import masked

PROSE: Final = frozenset(
    {"answer", "text", "quote", "clarifying_question", "question", "content", "title", "detail"}
)
"""Fields of answers and their events that hold words of people or of documents."""


def shown_body(
    resources: Resources, tenant_id: TenantId, body: Mapping[str, object]
) -> Mapping[str, object]:
    """The body of an answer, or of an event, as the tenant's policy lets it be shown."""
    if not resources.answerer.policies.of(tenant_id).mask_personal_data:
        return body
    return covered(body)


def covered(body: Mapping[str, object]) -> dict[str, object]:
    """The same with personal data covered in all prose, at any depth."""
    return {name: _covered(name, value) for name, value in body.items()}


def _covered(name: str, value: object) -> object:
    match value:
        case str() if name in PROSE:
            return masked(value).text
        case dict():
            return covered(value)
        case list():
            return [_covered(name, each) for each in value]
        case _:
            return value
