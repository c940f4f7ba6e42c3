"""Rules of a tenant's collections, for its administrators.

A name that is no collection yet is answered like one without a rule: nobody is told what there is.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from app.http.dependencies import Administers, ResourcesDep
from app.http.fields import CollectionName
from app.http.schemas import PatchModel, ResponseModel, WrittenAsFloat
from kb.postgres.database import retried
from kb.store.audit import record_event
from kb.store.choices import MAX_RETENTION_DAYS
from kb.store.collections import get_retention, set_retention

router = APIRouter(tags=["collections"])

NamePath = Annotated[
    CollectionName, Path(description="The collection's name.", examples=["default"])
]
Days = Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS), WrittenAsFloat]


class CollectionPatch(PatchModel):
    """The rules to change; null keeps documents for ever."""

    retention_days: Days | None = Field(
        default=None,
        description="Days after their last upload until its documents are deleted; null: never.",
        examples=[365],
    )


class Collection(ResponseModel):
    """The rules of a collection: days after their last upload until its documents are deleted."""

    name: str = Field(description="The collection's name.", examples=["default"])
    retention_days: int | None = Field(
        description="Days after their last upload until its documents are deleted; null: never.",
        examples=[365],
    )


@router.get("/collections/{name:path}")
async def get_collection(
    name: NamePath, resources: ResourcesDep, caller: Administers
) -> Collection:
    """The rules of a collection."""
    async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
        return Collection(name=name, retention_days=await get_retention(scope, name))


@router.patch("/collections/{name:path}")
async def patch_collection(
    name: NamePath, patch: CollectionPatch, resources: ResourcesDep, caller: Administers
) -> Collection:
    """Change the rules of a collection; the next nightly re-index carries them out."""

    async def transaction() -> Collection:
        async with resources.database.tenant(caller.tenant_id, viewer=None) as scope:
            if "retention_days" in patch.model_fields_set:
                await set_retention(scope, name, days=patch.retention_days)
                await record_event(
                    scope,
                    caller.actor,
                    "collection.retention",
                    name,
                    {"days": patch.retention_days or 0},
                )
            return Collection(name=name, retention_days=await get_retention(scope, name))

    return await retried(transaction)
