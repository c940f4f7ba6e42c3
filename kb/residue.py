"""Looks for what is left of something deleted: in every table, every file and every index.

It reads all of them, whoever owns them, as the login role of the database; for operators.
"""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, assert_never
from uuid import UUID

import numpy as np
from sqlalchemy import select, text

from kb.errors import IndexNotReady
from kb.ids import DocumentId, TenantId
from kb.index.lexical.remains import terms_left
from kb.index.sketches.table import codes_of
from kb.postgres.asyncio_engine import AsyncConnection
from kb.postgres.database import Database, TenantSession
from kb.store.chunks import list_chunks
from kb.store.documents import get_document
from kb.store.spaces import all_spaces, vectors_table
from kb.store.tables import document_versions

Kind = Literal["text", "id", "sha256", "vector"]

EXPECTED: Final[Mapping[str, frozenset[Kind]]] = {
    "pg_catalog.pg_statistic": frozenset({"id", "sha256"}),
    "public.audit_events": frozenset({"id", "sha256"}),
    "public.deletions": frozenset({"id", "sha256"}),
    "public.index_changes": frozenset({"id"}),
    "public.reindex_runs": frozenset({"id"}),
    "public.source_items": frozenset({"id", "sha256"}),
    "public.tenant_deletions": frozenset({"id"}),
    "public.tenant_purges": frozenset({"id"}),
    "public.webhook_deliveries": frozenset({"id"}),
    "log": frozenset({"id"}),
}
"""What is kept on purpose, by place: that something was deleted, and which bytes."""

UNREAD_FOLDERS: Final = ("postgres", "models")
"""Below the home: the database, whose rows are read instead, and models."""

MIN_CHARACTERS: Final = 12
MOST_LINES: Final = 50
CHUNKS: Final = 1_000
READ_BYTES: Final = 1 << 22

_TABLES: Final = text(
    """
    SELECT nspname AS schema, relname AS name, relrowsecurity AS is_protected,
           has_table_privilege(pg_class.oid, 'SELECT') AS login_reads,
           has_table_privilege('footnote_writer', pg_class.oid, 'SELECT') AS writer_reads,
           has_table_privilege('footnote_system', pg_class.oid, 'SELECT') AS system_reads
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'm')
        AND (nspname !~ '^pg_' AND nspname <> 'information_schema' OR relname = 'pg_statistic')
    ORDER BY nspname, relname
    """
)
_SEES_ALL: Final = text(
    "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
)
_ENTER: Final = text(
    "SELECT set_config('role', :role, true), set_config('footnote.tenant_id', :tenant_id, true)"
)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Something by which a deleted thing can be told."""

    kind: Kind
    value: str


@dataclass(frozen=True, kw_only=True)
class Residue:
    """A place that has a trace; `count` rows of a table, or places in a file.

    `is_expected` when it is kept on purpose.
    """

    place: str
    kind: Kind
    count: int
    is_expected: bool


@dataclass(kw_only=True)
class ResidueReport:
    """What was found, how much was looked at, and what could not be."""

    residues: list[Residue] = field(default_factory=list)
    tables: int = 0
    files: int = 0
    indexes: int = 0
    unread: list[str] = field(default_factory=list)

    @property
    def unexpected(self) -> list[Residue]:
        """What should not be there."""
        return [residue for residue in self.residues if not residue.is_expected]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where to look besides the database: the home, and logs wherever they are."""

    home: Path
    logs: Sequence[Path] = ()


async def traces_of(scope: TenantSession, document_id: DocumentId) -> list[Trace]:
    """By what a document can be told, before it is deleted. Needs a whole-tenant scope."""
    document = await get_document(scope, document_id)
    fields = document.fields
    versions = await scope.connection.execute(
        select(document_versions.c.content, document_versions.c.content_sha256).where(
            document_versions.c.tenant_id == scope.tenant_id,
            document_versions.c.document_id == document_id,
        )
    )
    names = [each.filename for each in (document.content, document.served_content)]
    texts = [document.title, fields.external_id, fields.source_uri, *names]
    texts += [value for value in fields.metadata.values() if isinstance(value, str)]
    sha256s = {document.content.sha256}
    for version in versions:
        sha256s.add(version.content_sha256)
        texts += version.content.splitlines()[:MOST_LINES]
    chunks = await list_chunks(scope, document_id, after=-1, limit=CHUNKS)
    texts += [chunk.text for chunk in chunks]
    vectors: list[str] = []
    for space in await all_spaces(scope):
        table = vectors_table(space)
        rows = await scope.connection.execute(
            text(
                f'SELECT embedded_sha256, embedding::text FROM "{table.name}"'  # noqa: S608  # ours
                " WHERE tenant_id = :tenant_id AND document_id = :document_id"
            ),
            {"tenant_id": scope.tenant_id, "document_id": document_id},
        )
        for row in rows:
            sha256s.add(row.embedded_sha256)
            vectors.append(row.embedding)
    return [
        Trace(kind="id", value=str(document_id)),
        *(
            Trace(kind="text", value=each)
            for each in dict.fromkeys(texts)
            if each and len(each) >= MIN_CHARACTERS
        ),
        *(Trace(kind="sha256", value=each) for each in sorted(sha256s)),
        *(Trace(kind="vector", value=each) for each in dict.fromkeys(vectors)),
    ]


async def find_residue(
    database: Database, tenant_id: TenantId, traces: Sequence[Trace], places: Places
) -> ResidueReport:
    """Everything that has a trace; looks through the whole database and home, in minutes."""
    report = ResidueReport()
    await _look_in_tables(database, tenant_id, traces, report)
    await asyncio.to_thread(_look_in_files, traces, places, report)
    await asyncio.to_thread(_look_in_indexes, traces, places.home / "lexical", report)
    return report


async def _look_in_tables(
    database: Database, tenant_id: TenantId, traces: Sequence[Trace], report: ResidueReport
) -> None:
    async with database.owner() as connection:
        sees_all = bool((await connection.execute(_SEES_ALL)).scalar_one())
        tables = (await connection.execute(_TABLES)).all()
    for table in tables:
        if sees_all or not table.is_protected:
            role = "none" if table.login_reads else None
        elif table.writer_reads:
            role = "footnote_writer"
        else:
            role = "footnote_system" if table.system_reads else None
        if role is None:
            report.unread.append(f"{table.schema}.{table.name}")
            continue
        async with database.owner() as connection:
            await connection.execute(_ENTER, {"role": role, "tenant_id": str(tenant_id)})
            await _look_in_table(connection, table.schema, table.name, traces, report)
        report.tables += 1
    if not sees_all:
        report.unread.append("rows of other tenants: the login role does not bypass row security")


async def _look_in_table(
    connection: AsyncConnection,
    schema: str,
    name: str,
    traces: Sequence[Trace],
    report: ResidueReport,
) -> None:
    # As JSON, so that text is escaped in one way only, in whatever column it stands.
    query = text(
        f"""
        SELECT trace.number, count(*) AS count
        FROM (
            SELECT to_jsonb(found)::text AS line FROM "{schema}"."{name}" AS found OFFSET 0
        ) AS rows
        CROSS JOIN unnest(CAST(:traces AS text[])) WITH ORDINALITY AS trace (value, number)
        WHERE strpos(rows.line, trace.value) > 0
        GROUP BY trace.number
        """  # noqa: S608  # names from the catalog
    )
    found = await connection.execute(query, {"traces": [_in_json(each.value) for each in traces]})
    counts = {traces[number - 1]: int(count) for number, count in found}
    report.residues += _residues(f"{schema}.{name}", f"{schema}.{name}", counts)


def _residues(place: str, kept: str, counts: Mapping[Trace, int]) -> list[Residue]:
    """One for each kind of trace; `kept` names the place in EXPECTED."""
    by_kind: dict[Kind, int] = {}
    for trace, count in counts.items():
        by_kind[trace.kind] = by_kind.get(trace.kind, 0) + count
    return [
        Residue(
            place=place,
            kind=kind,
            count=count,
            is_expected=kind in EXPECTED.get(kept, frozenset()),
        )
        for kind, count in by_kind.items()
    ]


def _look_in_files(traces: Sequence[Trace], places: Places, report: ResidueReport) -> None:
    home = places.home.resolve()
    logs = {log.resolve() for log in places.logs}
    for path in sorted({*_files_below(home), *logs}):
        place = str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
        try:
            counts = _counts_in(path, traces)
        except FileNotFoundError:
            # A running service has deleted it.
            continue
        except OSError:
            report.unread.append(place)
            continue
        report.files += 1
        report.residues += _residues(place, "log" if path in logs else place, counts)
    if (home / "postgres").exists():
        report.unread.append("postgres: the database's own files; their rows were read instead")


def _files_below(home: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(home):
        if Path(parent) == home:
            folders[:] = [folder for folder in folders if folder not in UNREAD_FOLDERS]
        for name in files:
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _counts_in(path: Path, traces: Sequence[Trace]) -> dict[Trace, int]:
    """How many parts of the file have each trace, in one of its forms; its name is one."""
    sought = {trace: _forms(trace) for trace in traces}
    longest = max((len(each) for values in sought.values() for each in values), default=0)
    counts: dict[Trace, int] = {}
    with path.open("rb") as file:
        part, kept = path.name.encode(), b""
        while part:
            window = kept + part
            for trace, values in sought.items():
                if any(value in window for value in values):
                    counts[trace] = counts.get(trace, 0) + 1
            # What stands across two parts is found in the next one.
            kept = window[-longest:] if part != path.name.encode() else b""
            part = file.read(READ_BYTES)
    return counts


def _forms(trace: Trace) -> set[bytes]:
    """As it stands, as JSON, and as a file of sketches has it."""
    forms = {trace.value.encode(), _in_json(trace.value).encode()}
    match trace.kind:
        case "id":
            forms.add(UUID(trace.value).bytes)
        case "vector":
            # As exact as it is stored.
            vector = np.array(json.loads(trace.value), dtype=np.float16).astype(np.float32)
            forms.add(codes_of(vector[None, :]).tobytes())
        case "text" | "sha256":
            pass
        case _:
            assert_never(trace.kind)
    return forms


def _look_in_indexes(traces: Sequence[Trace], folder: Path, report: ResidueReport) -> None:
    """Terms are stored in pieces: an index is asked for them, and for the documents' ids."""
    ids = [trace.value for trace in traces if trace.kind == "id"]
    words = [trace.value for trace in traces if trace.kind == "text" and " " not in trace.value]
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (path / "meta.json").is_file():
            continue
        place = f"lexical/{path.name}"
        try:
            left = terms_left(path, document_ids=ids, words=words)
        except IndexNotReady:
            report.unread.append(place)
            continue
        report.indexes += 1
        found = [trace for trace in traces if trace.value in left]
        report.residues += _residues(place, place, dict.fromkeys(found, 1))


def _in_json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]
