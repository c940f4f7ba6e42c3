"""The indexes of a node, as searches use them."""

from dataclasses import dataclass

from kb.index.lexical.lexical_indexes import LexicalIndexes
from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.sketch_files import SketchFiles


@dataclass(frozen=True, kw_only=True)
class NodeIndexes:
    """The indexes a node derives from Postgres; without sketches its plans find the vectors."""

    lexical: LexicalIndexes
    sketches: SketchCache | None = None
    unused_files: SketchFiles | None = None
    """What others may have left here, where this process has no sketches."""
