"""Webhooks and deliveries on the wire."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.http.response_fields import DOCUMENT_ID, TIME, CreatedAtField, UpdatedAtField
from app.http.schemas import (
    Count,
    PatchModel,
    RequestModel,
    ResponseModel,
    Text,
    Time,
    WrittenAsFloat,
)
from kb.outbound import MAX_URL_CHARS
from kb.store.choices import EVENT_TYPES, EventType
from kb.store.webhook_deliveries import DeliveryStatus
from kb.store.webhook_events import EventValue
from kb.store.webhooks import DisabledReason

MAX_OVERLAP_SECONDS: Final = 7 * 24 * 3600
DAY_SECONDS: Final = 24 * 3600

Url = Annotated[Text, StringConstraints(min_length=1, max_length=MAX_URL_CHARS)]
Events = Annotated[list[EventType], Field(min_length=1, max_length=len(EVENT_TYPES))]
Secret = Annotated[
    str,
    StringConstraints(max_length=200),
    Field(
        json_schema_extra={
            "pattern": "^whsec_([A-Za-z0-9+/]{4}){8,20}([A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?$"
        }
    ),
]
"""`check_secret` knows its length exactly."""


class WebhookRequest(RequestModel):
    """A webhook to create; `secret` is `whsec_` and 24 to 64 bytes in base64, made if absent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://example.org/footnote", "events": ["document.ready"]}]
        }
    )

    url: Url = Field(
        description="The address that events are sent to.",
        examples=["https://example.org/footnote"],
    )
    events: Events = Field(
        description="The events to send.", examples=[["document.ready", "document.failed"]]
    )
    secret: Secret | None = Field(
        default=None, description="The secret to sign with; unset: one is made.", examples=[None]
    )


class WebhookPatch(PatchModel):
    """What to change of a webhook."""

    url: Url = Field(
        default="",
        description="The address that events are sent to.",
        examples=["https://example.org/footnote"],
    )
    events: Events = Field(
        default_factory=list, description="The events to send.", examples=[["document.ready"]]
    )
    enabled: bool = Field(default=True, description="Whether new events are sent.", examples=[True])


class RotationRequest(RequestModel):
    """A new secret; those before it sign too until `overlap_seconds` have passed."""

    secret: Secret | None = Field(
        default=None, description="The new secret; unset: one is made.", examples=[None]
    )
    overlap_seconds: Annotated[int, Field(ge=0, le=MAX_OVERLAP_SECONDS), WrittenAsFloat] = Field(
        default=DAY_SECONDS,
        description="How long those before it go on signing.",
        examples=[DAY_SECONDS],
    )


class Webhook(ResponseModel):
    """An endpoint that is told of events.

    `disabled_reason` is `by_request`, `gone` (it answered 410) or `failing` (for five days).
    """

    id: UUID = Field(
        description="The webhook's id.", examples=["01a1fbbb-4f20-7d91-a6f3-0c5e8b7d2a46"]
    )
    url: str = Field(
        description="The address that events are sent to.",
        examples=["https://example.org/footnote"],
    )
    events: list[EventType] = Field(
        description="The events that are sent.", examples=[["document.ready"]]
    )
    enabled: bool = Field(description="Whether new events are sent.", examples=[True])
    disabled_reason: DisabledReason | None = Field(
        description="Why it is disabled; null while it is not.", examples=[None]
    )
    failing_since: Time | None = Field(
        description="Since when every attempt has failed; null when the last one did not.",
        examples=[None],
    )
    created_at: CreatedAtField
    updated_at: UpdatedAtField


class WebhookWithSecret(Webhook):
    """A webhook as it is shown when its secret is new, and never again."""

    secret: str = Field(
        description="Checks the signatures of the events.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class DeliveryAttempt(ResponseModel):
    """One attempt; either the endpoint's status code, or the code of what went wrong before."""

    at: Time = Field(description="When it was made.", examples=[TIME])
    status_code: int | None = Field(
        description="What the endpoint answered; null when it did not.", examples=[204]
    )
    error: str | None = Field(
        description="The code of what went wrong before; null when it answered.", examples=[None]
    )
    milliseconds: Count = Field(description="How long it took.", examples=[81])


class Delivery(ResponseModel):
    """An event for a webhook; `id` is the `webhook-id` of every attempt."""

    id: UUID = Field(
        description="The delivery's id.", examples=["01a1fbbb-5a31-7c02-9d84-7e6f1b3c8a90"]
    )
    type: EventType | Literal["webhook.test"] = Field(
        description="What happened.", examples=["document.ready"]
    )
    status: DeliveryStatus = Field(
        description="Whether it has arrived; `failed` ones are not tried again by themselves.",
        examples=["succeeded"],
    )
    data: dict[str, EventValue] = Field(
        description="The ids and statuses that were sent.", examples=[{"document_id": DOCUMENT_ID}]
    )
    occurred_at: Time = Field(description="When it happened.", examples=[TIME])
    next_attempt_at: Time | None = Field(
        description="When it is tried next; null unless it is pending.", examples=[None]
    )
    attempts: list[DeliveryAttempt] = Field(description="All attempts, in order.")
