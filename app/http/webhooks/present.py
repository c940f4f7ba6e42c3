"""Webhooks as callers see them."""

from typing import Any

from app.http.webhooks.schemas import Delivery, DeliveryAttempt, Webhook, WebhookWithSecret
from kb.store import webhook_deliveries, webhooks


def webhook_out(webhook: webhooks.Webhook) -> Webhook:
    """The webhook without its secrets."""
    return Webhook(**_fields(webhook))


def webhook_with_secret(webhook: webhooks.Webhook) -> WebhookWithSecret:
    """The webhook with its newest secret."""
    return WebhookWithSecret(**_fields(webhook), secret=webhook.secrets[0]["secret"])


def delivery_out(delivery: webhook_deliveries.Delivery) -> Delivery:
    """The delivery with all its attempts."""
    return Delivery(
        id=delivery.id,
        type=delivery.type,
        status=delivery.status,
        data=dict(delivery.data),
        occurred_at=delivery.occurred_at,
        next_attempt_at=delivery.due_at if delivery.status == "pending" else None,
        attempts=[DeliveryAttempt.model_validate(each) for each in delivery.attempts],
    )


def _fields(webhook: webhooks.Webhook) -> dict[str, Any]:  # of both models
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "enabled": webhook.is_enabled,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }
