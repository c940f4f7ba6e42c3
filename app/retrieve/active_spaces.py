"""The embedding space that a search takes: the one that is active in its transaction."""

from dataclasses import replace

from kb.errors import ModelUnavailable
from kb.postgres.database import TenantSession
from kb.store.spaces import Space, all_spaces
from kb.unit_vectors import UNVERSIONED


class ActiveSpaces:
    """Describes spaces from memory; their names come with each search's generations.

    So the very next search of every process takes a space that was activated, without asking.
    """

    def __init__(self, own: Space) -> None:
        """`own` is the space of the embedding model that this process has loaded."""
        self._own = own
        self._space_by_name = {own.name: own}

    async def find(self, scope: TenantSession, name: str | None) -> Space:
        """The space of this name; None, as long as none is active: the model's own.

        Raises:
            ModelUnavailable: The space is of another model, whose vectors cannot be compared.
        """
        if name is None:
            return self._own
        if name not in self._space_by_name:
            self._space_by_name |= {each.name: each for each in await all_spaces(scope)}
        space = self._space_by_name[name]
        # A model whose weights are known may lie in another folder now.
        is_same = replace(space, name=self._own.name, model=self._own.model) == self._own
        if not is_same or (space.revision == UNVERSIONED and space.model != self._own.model):
            raise ModelUnavailable(
                f"The active embedding space {name!r} is of the model {space.model!r} (revision "
                f"{space.revision}): set FOOTNOTE_EMBEDDING_MODEL to it, and restart."
            )
        return space
