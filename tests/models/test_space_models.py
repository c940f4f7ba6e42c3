"""Models of several spaces in one process: one that cannot be loaded stops nobody."""

import pytest

from kb.errors import ModelUnavailable
from kb.store.spaces import Space
from models.space_models import SpaceModels
from tests.footnote.small_embedder import SmallEmbedder


@pytest.mark.parametrize("error", [ModelUnavailable(), RuntimeError(), MemoryError()])
async def test_a_model_that_cannot_be_loaded_for_whatever_reason_is_done_without(
    error: Exception,
) -> None:
    def load(space: Space) -> SmallEmbedder:  # loads none
        raise error

    own, other = SmallEmbedder(), SmallEmbedder(model="other")
    models = SpaceModels(load, own.space, own)

    assert await models.try_to_load(other.space) is None
    assert await models.try_to_load(own.space) is own
    with pytest.raises(ModelUnavailable):
        await models.load(other.space)
