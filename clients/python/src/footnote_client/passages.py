"""A passage as the frameworks see it: its text, and metadata that a citation needs."""

from dataclasses import asdict

from footnote_client.contract import SearchHit


def citation_metadata(hit: SearchHit) -> dict[str, object]:
    """What names the passage's document, version and place, as JSON values.

    `source` is the best name for people: the address, else the file's name, else the id.
    """
    document = hit.document
    return {
        "source": document.source_uri or document.filename or document.external_id or document.id,
        "document_id": document.id,
        "document_version": document.version,
        "external_id": document.external_id,
        "title": document.title,
        "filename": document.filename,
        "source_uri": document.source_uri,
        "updated_at": document.updated_at.isoformat(),
        "chunk_id": hit.chunk_id,
        "location": {**asdict(hit.location), "section": list(hit.location.section)},
        "scores": asdict(hit.scores),
    }
