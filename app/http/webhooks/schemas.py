"""Webhooks and deliveries on the wire."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.http.schemas import Count, RequestModel, ResponseModel, Text, Time
from kb.outbound import MAX_URL_CHARS
from kb.store.choices import EVENT_TYPES, EventType
from kb.store.webhook_deliveries import DeliveryStatus
from kb.store.webhook_events import EventValue
from kb.store.webhooks import DisabledReason

MAX_OVERLAP_SECONDS: Final = 7 * 24 * 3600
DAY_SECONDS: Final = 24 * 3600

Url = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_URL_CHARS)]
Events = Annotated[list[EventType], Field(min_length=1, max_length=len(EVENT_TYPES))]
Secret = Annotated[str, StringConstraints(max_length=200)]


class WebhookRequest(RequestModel):
    """A webhook to create; `secret` is `whsec_` and 24 to 64 bytes in base64, made if absent."""

    url: Url
    events: Events
    secret: Secret | None = None


class WebhookPatch(RequestModel):
    """What to change of a webhook."""

    url: Url = ""
    events: Events = Field(default_factory=list)
    enabled: bool = True


class RotationRequest(RequestModel):
    """A new secret; those before it sign too until `overlap_seconds` have passed."""

    secret: Secret | None = None
    overlap_seconds: Annotated[int, Field(ge=0, le=MAX_OVERLAP_SECONDS)] = DAY_SECONDS


class Webhook(ResponseModel):
    """An endpoint that is told of events.

    `disabled_reason` is `by_request`, `gone` (it answered 410) or `failing` (for five days).
    """

    id: UUID
    url: str
    events: list[EventType]
    enabled: bool
    disabled_reason: DisabledReason | None
    failing_since: Time | None
    created_at: Time
    updated_at: Time


class WebhookWithSecret(Webhook):
    """A webhook as it is shown when its secret is new, and never again."""

    secret: str


class DeliveryAttempt(ResponseModel):
    """One attempt; either the endpoint's status code, or the code of what went wrong before."""

    at: Time
    status_code: int | None
    error: str | None
    milliseconds: Count


class Delivery(ResponseModel):
    """An event for a webhook; `id` is the `webhook-id` of every attempt."""

    id: UUID
    type: EventType | Literal["webhook.test"]
    status: DeliveryStatus
    data: dict[str, EventValue]
    occurred_at: Time
    next_attempt_at: Time | None
    attempts: list[DeliveryAttempt]
