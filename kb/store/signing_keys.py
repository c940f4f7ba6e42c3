"""The key that signs receipts: made once for a database, read by the system role alone."""

from sqlalchemy import insert, select, text

from kb.postgres.database import SystemSession
from kb.receipts import PublicKey, SigningKey, new_signing_key, public_key
from kb.store.tables import signing_keys

# Two processes may need the first key at once.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('footnote signing key', 0))")


async def signing_key(system: SystemSession) -> SigningKey:
    """The newest key, made when there is none."""
    newest = select(signing_keys.c.private_key).order_by(signing_keys.c.created_at.desc()).limit(1)
    found = (await system.connection.execute(newest)).scalar_one_or_none()
    if found is None:
        await system.connection.execute(_LOCK)
        found = (await system.connection.execute(newest)).scalar_one_or_none()
    if found is not None:
        return SigningKey(private=found)
    key = new_signing_key()
    await system.connection.execute(
        insert(signing_keys).values(
            id=key.public.id, private_key=key.private, public_key=key.public.raw
        )
    )
    return key


async def public_keys(system: SystemSession) -> list[PublicKey]:
    """Every key that has signed receipts, the newest first."""
    await signing_key(system)
    rows = await system.connection.execute(
        select(signing_keys.c.public_key).order_by(signing_keys.c.created_at.desc()).limit(100)
    )
    return [public_key(raw) for raw in rows.scalars()]
