"""Cosines of one model on the scale of another."""

from pathlib import Path

import numpy as np
import pytest

from footnote.equating import equate, equating
from kb.errors import InvalidInput
from kb.store.space_changes import create_space, set_tuning
from kb.store.spaces import CosineScale, SpaceTuning, find_space
from tests.footnote.own_database import own_database
from tests.footnote.small_embedder import SmallEmbedder

OLD, NEW = SmallEmbedder(), SmallEmbedder(model="new", dimension=24)


def test_cosines_that_are_another_models_stretched_are_turned_back() -> None:
    rows = np.random.default_rng(3).standard_normal((200, 16)).astype(np.float32)
    other = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    # Each cosine c becomes .25 c + .75, by a component that all share.
    own = np.hstack([0.5 * other, np.full((200, 1), np.sqrt(0.75))]).astype(np.float32)

    slope, intercept = equating(own, other)

    assert slope == pytest.approx(4, abs=0.01)
    assert intercept == pytest.approx(-3, abs=0.01)


def test_texts_that_are_all_alike_tell_nothing() -> None:
    alike = np.full((60, 4), 0.5, dtype=np.float32)

    with pytest.raises(InvalidInput, match="alike"):
        equating(alike, alike)


async def test_a_scale_is_that_of_the_reference_and_takes_enough_chunks(
    database_url: str, tmp_path: Path
) -> None:
    files = (tmp_path / "files").as_uri()
    async with own_database(database_url, files, embedders=(OLD, NEW)) as own:
        database = own.tools.database
        await create_space(database, NEW.space, SpaceTuning())
        reference = CosineScale(slope=2.0, intercept=0.1)
        await set_tuning(database, OLD.space, SpaceTuning(cosines=reference))
        for number in range(3):
            await own.upload(f"Note {number}.".encode())
        await own.work_until_empty()
        async with database.system() as system:
            old, new = [await find_space(system, each.space.name) for each in (OLD, NEW)]

        with pytest.raises(InvalidInput, match=r"3 chunks.*50"):
            await equate(database, own.tenant_id, new, old)
        for number in range(50):
            await own.upload(f"Another note {number}.".encode())
        await own.work_until_empty()
        scale = await equate(database, own.tenant_id, old, old)

    assert scale.slope == pytest.approx(2.0, abs=1e-6)
    assert scale.intercept == pytest.approx(0.1, abs=1e-6)
