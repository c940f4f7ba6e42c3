"""A tenant, somebody who reads it, and the lexical index that this process keeps of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from kb.ids import DocumentId
from kb.index.lexical.index import TenantIndex
from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.lexical.records import LexicalHit
from kb.index.lexical.view import LexicalQuery
from kb.passages import Location
from kb.postgres.database import TenantSession, Viewer
from kb.principals import Uploader
from kb.store.chunks import NewChunk, insert_chunks
from kb.store.collections import ensure_collection
from kb.store.document_writes import Published, insert_document, set_published
from kb.store.documents import Content, DocumentFields, get_document
from kb.store.spaces import current_space
from kb.store.tenants import advance_generation, current_generation
from kb.store.vectors import NewVectors, insert_vectors
from kb.store.versions import NewVersion, insert_versions
from tests.service import Person, Service

ANA, HR, ALL = "user:ana", "group:hr", "tenant:*"


@dataclass(frozen=True, kw_only=True)
class Library:
    """A tenant, ana who reads it, and the index that this process keeps of it."""

    service: Service
    ana: Person
    folder: Path

    @property
    def lexical(self) -> LexicalIndexes:
        """The service's own indexes."""
        return self.service.resources.lexical

    async def found(self, query: str, mode: str = "lexical") -> set[str]:
        """Ids of the documents that ana finds."""
        response = await self.ana.search(query, mode=mode, top_k=100)
        assert response.status_code == 200, response.text
        return {hit["document"]["id"] for hit in response.json()["data"]}

    async def generation(self) -> int:
        """That of the tenant's knowledge."""
        async with self.service.resources.database.tenant(self.ana.tenant_id, viewer=None) as scope:
            return await current_generation(scope)

    def index_generation(self) -> int:
        """That of the index on disk."""
        return TenantIndex(self.folder).generation

    async def search_with(self, indexes: LexicalIndexes, *terms: str) -> list[LexicalHit]:
        """What these indexes find for ana."""
        viewer = Viewer(principals=(ANA, ALL))
        query = LexicalQuery(terms=terms, limit=50, document_ids=None, excluded_document_ids=())
        database = self.service.resources.database
        async with database.tenant(self.ana.tenant_id, viewer=viewer) as scope:
            generation = await current_generation(scope)
            view = await indexes.view(scope, generation=generation)
            return list((await view.search(query)).hits)


async def publish_at_once(
    library: Library, texts: Sequence[str], *, principals: tuple[str, ...] = (ALL,)
) -> str:
    """The id of a document with one chunk for each text; its vectors mean nothing."""
    database = library.service.resources.database
    async with database.tenant(library.ana.tenant_id, viewer=None) as scope:
        document_id = await _insert(scope, principals)
        document = await get_document(scope, document_id)
        version = NewVersion(
            document=document, content="x", parser="x", parser_version="1", chunker_version="1"
        )
        await insert_versions(scope, [version])
        chunks = [NewChunk(text=text, context="", location=_nowhere()) for text in texts]
        (chunk_ids,) = await insert_chunks(scope, [(document, chunks)])
        space = await current_space(scope)
        assert space is not None
        vectors = np.zeros((len(texts), space.dimension), dtype=np.float32)
        vectors[:, 0] = 1
        sha256s = [uuid4().hex * 2 for _ in texts]
        new = NewVectors(
            document=document, chunk_ids=chunk_ids, sha256s=sha256s, embeddings=vectors
        )
        await insert_vectors(scope, space, [new])
        published = Published(
            document=document, chunk_count=len(texts), parsed_title=None, warnings=[]
        )
        await set_published(scope, [published])
        await advance_generation(scope, document_id, readers=principals)
    return str(document_id)


async def _insert(scope: TenantSession, principals: tuple[str, ...]) -> DocumentId:
    fields = DocumentFields(
        external_id=None,
        title=None,
        source_uri=None,
        language=None,
        metadata={},
        principals=principals,
        effective_at=None,
        expires_at=None,
        supersedes=None,
    )
    content = Content(filename=None, media_type="text/plain", sha256="0" * 64, size_bytes=1)
    collection_id = await ensure_collection(scope, "default")
    document = await insert_document(
        scope, collection_id, fields, content, owner=Uploader(name="importer", person=None)
    )
    return document.id


def _nowhere() -> Location:
    return Location(
        section=[], page=None, slide=None, sheet=None, row=None, char_start=0, char_end=1
    )
