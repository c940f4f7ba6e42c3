"""Looks in an index on disk for words and documents, deleted ones whose files are left included."""

from collections.abc import Iterable
from pathlib import Path

from tantivy import Index

from kb.errors import IndexNotReady
from kb.index.lexical.analysis import analyse


def terms_left(path: Path, *, document_ids: Iterable[str], words: Iterable[str]) -> list[str]:
    """Those of the ids and words that some file of the last commit still has.

    A term's count has the documents that were deleted until their segment is written anew. A word
    is looked for whole: its parts may stand in other words.

    Raises:
        IndexNotReady: It cannot be read.
    """
    try:
        searcher = Index.open(str(path)).searcher()
        left = [each for each in document_ids if searcher.doc_freq("document_id", each)]
        for word in words:
            terms = {word.lower(), *analyse(word, None)[:1]}
            if any(searcher.doc_freq("body", term) for term in terms):
                left.append(word)
    except (ValueError, OSError) as error:
        raise IndexNotReady("An index cannot be looked through at the moment.") from error
    return left
