"""A tenant whose sketches a test holds by itself."""

from dataclasses import dataclass, replace

import numpy as np

from kb.index.sketches.sketch_cache import SketchCache
from kb.index.sketches.sketch_files import SketchFiles
from kb.index.sketches.view import SketchView
from kb.postgres.database import Database, Viewer
from kb.store.spaces import Space
from kb.store.tenants import current_generation
from tests.service import Person

ANA, BOB, ALL = "user:ana", "user:bob", "tenant:*"


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A tenant with two people, and sketches that nobody else uses."""

    database: Database
    sketches: SketchCache
    space: Space
    ana: Person
    bob: Person

    async def view(self, *principals: str) -> SketchView | None:
        """As a search of the tenant does."""
        viewer = Viewer(principals=principals or (ANA, ALL))
        async with self.database.tenant(self.ana.tenant_id, viewer=viewer) as scope:
            generation = await current_generation(scope)
            return await self.sketches.view(scope, self.space, generation=generation)

    async def catch_up(self) -> None:
        await self.sketches.catch_up(self.ana.tenant_id, self.space)

    def beside(self, files: SketchFiles | None) -> "Shelf":
        """The same in another process, whose sketches have these files."""
        return replace(self, sketches=SketchCache(self.database, max_bytes=10**8, files=files))

    def limited(self, max_bytes: int) -> "Shelf":
        """The same with new sketches that may take so much memory."""
        return replace(self, sketches=SketchCache(self.database, max_bytes=max_bytes))

    async def counted(self, *principals: str) -> int:
        """How many chunks this viewer may find."""
        view = await self.view(*principals)
        assert view is not None
        return count_found(view, self.space)


def count_found(view: SketchView, space: Space) -> int:
    """Whatever is asked, all that may be found is."""
    question = np.full(space.dimension, space.dimension**-0.5, dtype=np.float32)
    return len(view._nearest(question, limit=1_000))
