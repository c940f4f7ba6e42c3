"""Answers with personal data masked, for tenants whose policy wants that.

The stored record stays verbatim, so that a change of the policy changes every answer. A mask is as
long as what it replaces: all offsets stay right, and the rest can be checked.
"""

from collections.abc import Mapping
from typing import Final

from app.resources import Resources
from kb.ids import TenantId
from language.personal_data import masked

PROSE: Final = frozenset(
    {
        "answer",
        "clarifying_question",
        "comment",
        "content",
        "detail",
        "filename",
        "question",
        "quote",
        "text",
        "title",
    }
)
"""Fields of answers and their events that hold words of people or of documents."""


def shown_body(
    resources: Resources, tenant_id: TenantId, body: Mapping[str, object]
) -> Mapping[str, object]:
    """The body of an answer, or of an event, as the tenant's policy lets it be shown."""
    if not resources.answerer.policies.of(tenant_id).mask_personal_data:
        return body
    return {name: _mask(value, is_prose=name in PROSE) for name, value in body.items()}


def _mask(value: object, *, is_prose: bool) -> object:
    match value:
        case str() if is_prose:
            return masked(value).text
        case dict():
            return {name: _mask(each, is_prose=name in PROSE) for name, each in value.items()}
        case list():
            return [_mask(each, is_prose=is_prose) for each in value]
        case _:
            return value
