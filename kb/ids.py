"""Ids as types, so that no DocumentId is passed for a TenantId. All UUIDs are UUIDv7."""

from typing import NewType
from uuid import UUID

from uuid6 import uuid7

TenantId = NewType("TenantId", UUID)
CredentialId = NewType("CredentialId", UUID)
CollectionId = NewType("CollectionId", UUID)
DocumentId = NewType("DocumentId", UUID)
JobId = NewType("JobId", UUID)
AnswerId = NewType("AnswerId", UUID)
SourceId = NewType("SourceId", UUID)
WebhookId = NewType("WebhookId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
ChunkId = NewType("ChunkId", int)

Subject = NewType("Subject", str)
"""The name of who acts, in all records: its kind first, such as 'key:<id of an API key>'."""


def new_uuid() -> UUID:
    """A fresh UUIDv7: ids made later sort later."""
    return UUID(bytes=uuid7().bytes)
