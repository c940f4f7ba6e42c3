"""`footnote space`: another embedding model, from the command line."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.answering.abstention import FITTED_FILE
from kb.settings import DEFAULT_EMBEDDING_MODEL
from migrations.run import upgrade
from models.embedding import model_path
from tests.architecture.databases import empty_database
from tests.footnote.processes import Finished, run_here

NOTES = {
    "herons.md": "Herons stand in shallow water and wait for fish.",
    "lanterns.md": "The lantern of the old tower burns whale oil.",
}
CASES = """
[[case]]
question = "Which bird waits for fish?"
relevant = ["herons.md"]

[[case]]
question = "What does the tower burn?"
relevant = ["lanterns.md"]
"""


@pytest.fixture
def elsewhere(database_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Lets a command work on an empty database with the library's own way to run a model."""
    with empty_database(database_url) as url:
        upgrade(url)
        yield {
            "FOOTNOTE_HOME": str(tmp_path / "home"),
            "FOOTNOTE_DATABASE_URL": url,
            "FOOTNOTE_EMBEDDING_BACKEND": "torch",
        }


@pytest.fixture
def other_model(tmp_path: Path) -> Path:
    """The packaged model once more, as another revision."""
    folder = tmp_path / "other"
    shutil.copytree(model_path(DEFAULT_EMBEDDING_MODEL), folder)
    (folder / "revision.bin").write_bytes(b"2")
    return folder


async def test_a_model_is_tried_compared_activated_and_the_old_one_dropped(
    elsewhere: dict[str, str], other_model: Path, tmp_path: Path
) -> None:
    async def footnote(*arguments: str, exit_code: int = 0) -> Finished:
        result = await run_here(*arguments, environment=elsewhere)
        assert result.exit_code == exit_code, result.stderr
        return result

    async def spaces() -> dict[str, dict[str, object]]:
        listed = json.loads((await footnote("space", "list", "--json")).stdout)
        return {each["name"]: each for each in listed}

    async def nearest() -> list[str]:
        result = await footnote("search", "bird with fish", "--tenant", "one", "--json")
        return [hit["document"]["external_id"] for hit in json.loads(result.stdout)["data"]]

    paths = {name: tmp_path / name for name in NOTES}
    for name, path in paths.items():
        path.write_text(NOTES[name])
    cases = tmp_path / "cases.toml"
    cases.write_text(CASES)
    await footnote("tenant", "create", "one")
    await footnote("ingest", *map(str, paths.values()), "--tenant", "one")
    (old,) = await spaces()
    before = await nearest()

    created = json.loads(
        (await footnote("space", "create", "--model", str(other_model), "--json")).stdout
    )
    new = created["name"]
    assert (created["is_new"], created["jobs"]) == (True, 1)
    assert (await spaces())[new]["state"] == "filling"
    refused = await footnote("space", "activate", new, exit_code=1)
    assert "2 chunks" in refused.stderr
    assert "space_incomplete" in refused.stderr

    await footnote("worker", "--until-empty")
    assert {name: each["state"] for name, each in (await spaces()).items()} == {
        old: "active",
        new: "ready",
    }
    compared = json.loads(
        (
            await footnote(
                *("space", "compare", old, new, "--tenant", "one"),
                *("--cases", str(cases), "--mode", "vector", "--json"),
            )
        ).stdout
    )
    assert [(each["measure"], each["n"]) for each in compared] == [
        ("ndcg@10", 2),
        ("recall@10", 2),
        ("first hit", 2),
    ]
    # The same weights: the same order.
    assert all(each["first"] == each["second"] == 1 for each in compared)

    activated = json.loads((await footnote("space", "activate", new, "--json")).stdout)
    assert activated == {"name": new, "previous": old}
    assert await nearest() == before
    in_use = await footnote("space", "drop", new, exit_code=1)
    assert "space_in_use" in in_use.stderr
    await footnote("space", "drop", old)
    assert list(await spaces()) == [new]
    assert await nearest() == before


async def test_what_depends_on_the_cosines_is_set_for_a_space(
    elsewhere: dict[str, str], tmp_path: Path
) -> None:
    await run_here("tenant", "create", "one", environment=elsewhere)
    note = tmp_path / "note.md"
    note.write_text("A note.")
    await run_here("ingest", str(note), "--tenant", "one", environment=elsewhere)
    no_model = tmp_path / "no_model.json"
    no_model.write_text('{"bias": 1}')

    async def tune(*options: str) -> Finished:
        return await run_here(
            *("space", "tune", DEFAULT_EMBEDDING_MODEL, *options, "--json"), environment=elsewhere
        )

    first = json.loads(
        (await tune("--evidence-floor", "0.4", "--language", "en", "--language", "de")).stdout
    )
    second = json.loads((await tune("--abstention", str(FITTED_FILE))).stdout)
    refused = await tune("--abstention", str(no_model))
    reset = json.loads((await tune("--reset")).stdout)

    assert (first["evidence_floor"], first["languages"]) == (0.4, ["de", "en"])
    assert first["abstention"] is None
    assert (second["evidence_floor"], second["abstention"]) == (0.4, "2")
    assert refused.exit_code == 1
    assert "signals" in refused.stderr
    assert reset["evidence_floor"] is reset["abstention"] is reset["languages"] is None
