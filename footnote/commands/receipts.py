"""Receipts of deletions: show, verify, and look for what is left."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from footnote.output import JsonOption, TenantOption, console, print_json
from kb.errors import InvalidInput

FileArgument = Annotated[Path, typer.Argument(help="The receipt, as JSON.", dir_okay=False)]


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise InvalidInput(f"{value!r} is no id.") from error


def show(
    subject: Annotated[str, typer.Argument(metavar="ID", help="Of the document or the tenant.")],
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Whose document it was; unset: a tenant's id.")
    ] = None,
) -> None:
    """Print the signed receipt of a deletion as it is now."""
    from app.http.documents.present import receipt_out
    from footnote.on_database import on_database
    from footnote.receipt_file import tenant_receipt
    from kb.ids import DocumentId, TenantId
    from kb.postgres.database import Database
    from kb.settings import Settings
    from kb.store.deletions import get_deletion
    from kb.store.signing_keys import signing_key
    from kb.store.tenant_deletion import get_tenant_deletion
    from kb.store.tenants import tenant_by_name

    deleted = _uuid(subject)

    async def act(database: Database) -> dict[str, object]:
        async with database.system() as system:
            key = await signing_key(system)
            if tenant is None:
                deletion = await get_tenant_deletion(system, TenantId(deleted))
                return tenant_receipt(deletion, key)
            owner = await tenant_by_name(system, tenant)
        async with database.tenant(owner.id, viewer=None) as scope:
            document = await get_deletion(scope, DocumentId(deleted))
        return receipt_out(document, key).model_dump(mode="json")

    print_json(on_database(Settings(), act))


def keys() -> None:
    """Print the public keys that check receipts, as GET /v1/receipts/keys does."""
    from footnote.on_database import on_database
    from kb.postgres.database import Database
    from kb.receipts import PublicKey
    from kb.settings import Settings
    from kb.store.signing_keys import public_keys

    async def act(database: Database) -> list[PublicKey]:
        async with database.system() as system:
            return await public_keys(system)

    print_json({"keys": [key.jwk() for key in on_database(Settings(), act)]})


def verify(
    file: FileArgument,
    keys_file: Annotated[
        Path | None,
        typer.Option(
            "--keys",
            help="File with the public keys, kept since before; unset: those of the database.",
            dir_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a receipt was signed by this service and says what it said then."""
    from footnote.on_database import on_database
    from footnote.receipt_file import read_keys, read_receipt
    from kb.postgres.database import Database
    from kb.receipts import PublicKey, verify_receipt
    from kb.settings import Settings
    from kb.store.signing_keys import public_keys

    receipt = read_receipt(file)
    if keys_file is not None:
        known = read_keys(keys_file)
    else:

        async def act(database: Database) -> dict[str, PublicKey]:
            async with database.system() as system:
                return {key.id: key for key in await public_keys(system)}

        known = on_database(Settings(), act)
    key = verify_receipt(receipt, known)
    if as_json:
        print_json({"valid": True, "key_id": key.id, "receipt": dict(receipt)})
    else:
        console.print(f"The receipt is valid: signed with the key {key.id}.")


def scan(
    file: FileArgument,
    tenant: TenantOption,
    texts: Annotated[
        list[str] | None,
        typer.Option("--text", help="Words of the document, to look for too; may be repeated."),
    ] = None,
    logs: Annotated[
        list[Path] | None, typer.Option("--log", help="A log file to look through too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what is left of a deleted document in every table, file and index."""
    from footnote.on_database import on_database
    from footnote.receipt_file import read_receipt
    from kb.postgres.database import Database
    from kb.residue import MIN_CHARACTERS, Places, ResidueReport, Trace, find_residue
    from kb.settings import Settings
    from kb.store.tenants import tenant_by_name

    receipt = read_receipt(file)
    traces = [
        Trace(kind="id", value=str(receipt.get("document_id"))),
        Trace(kind="sha256", value=str(receipt.get("content_sha256"))),
        *(Trace(kind="text", value=each) for each in texts or []),
    ]
    if any(len(trace.value) < MIN_CHARACTERS for trace in traces):
        raise InvalidInput(f"What is looked for has {MIN_CHARACTERS} characters or more.")
    settings = Settings()

    async def act(database: Database) -> ResidueReport:
        async with database.system() as system:
            owner = await tenant_by_name(system, tenant)
        places = Places(home=settings.home_path, logs=logs or [])
        return await find_residue(database, owner.id, traces, places)

    report = on_database(settings, act)
    if as_json:
        print_json({**asdict(report), "clean": not report.unexpected})
    else:
        looked = f"{report.tables} tables, {report.files} files, {report.indexes} indexes"
        console.print(f"Looked through {looked}.")
        for residue in report.residues:
            kept = "kept on purpose" if residue.is_expected else "LEFT"
            console.print(f"{kept}: {residue.kind} in {residue.place} ({residue.count})")
        for place in report.unread:
            console.print(f"not read: {place}")
    if report.unexpected:
        raise typer.Exit(1)
