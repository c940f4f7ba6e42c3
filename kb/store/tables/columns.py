"""What every table has."""

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Uuid, func, text

metadata = MetaData()

EMPTY_OBJECT = text("'{}'::jsonb")
EMPTY_LIST = text("'[]'::jsonb")


def tenant_id() -> Column[object]:
    """The first column of every key."""
    return Column("tenant_id", Uuid, nullable=False)


def tenant_itself() -> Column[object]:
    """The first column of a table whose rows go with their tenant."""
    return Column("tenant_id", Uuid, ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False)


def created_at() -> Column[object]:
    """The time of the transaction that wrote the row."""
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now())
