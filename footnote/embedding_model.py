"""The embedding model that the settings or the database name, and its space."""

from collections.abc import Callable

import structlog

from kb.errors import ModelUnavailable
from kb.postgres.database import Database
from kb.settings import Settings
from kb.store.spaces import Space, current_space, ensure_space, is_same_model, space_for
from kb.store.tenants import generations
from models.embedding import SentenceTransformerEmbedder
from models.space_models import SpaceModels

EMBEDDING_BATCH_SIZE = 8
"""Texts of similar length that each core encodes at once. 4 take as much processor time, 16 take
1.22 and 32 take 1.71 times as much, since all are filled up to the longest (openvino, 64 texts of
75 tokens in the median, 4 paired rounds)."""

log = structlog.get_logger(__name__)


def load_embedder(settings: Settings) -> SentenceTransformerEmbedder:
    """The configured model; takes seconds."""
    return SentenceTransformerEmbedder(
        model=settings.embedding_model,
        backend=settings.embedding_backend,
        batch_size=EMBEDDING_BATCH_SIZE,
        cache_folder=settings.home_path / "models",
    )


async def open_space(database: Database, embedder: SentenceTransformerEmbedder) -> Space:
    """The embedder's space, made when new; Misconfigured when another one has vectors."""
    space = space_of(embedder)
    await ensure_space(database, space)
    async with database.system() as system:
        # The same model may have another folder here.
        return (await current_space(system)) or space


def space_of(embedder: SentenceTransformerEmbedder) -> Space:
    """The space that the model's vectors belong to."""
    return space_for(
        model=embedder.model_name, revision=embedder.revision, dimension=embedder.dimension
    )


def model_loader(settings: Settings) -> Callable[[Space], SentenceTransformerEmbedder]:
    """Loads the models that the database names, which is what `settings` name only at first."""

    def load(space: Space) -> SentenceTransformerEmbedder:
        # The weights may lie in another folder here: that of the settings.
        names = dict.fromkeys((space.model, settings.embedding_model))
        found = None
        for name in names:
            try:
                embedder = load_embedder(settings.model_copy(update={"embedding_model": name}))
            except ModelUnavailable as error:
                found = found or error.message
                continue
            if is_same_model(space, space_of(embedder)):
                return embedder
            found = f"{name!r} is another model or revision ({embedder.revision}) here."
        raise ModelUnavailable(
            f"The embedding space {space.name!r} needs the model {space.model!r} (revision "
            f"{space.revision}, {space.dimension} dimensions): make it available under this name, "
            f"or name its folder in FOOTNOTE_EMBEDDING_MODEL. {found}"
        )

    return load


async def open_active_model(
    settings: Settings, database: Database
) -> tuple[Space, SentenceTransformerEmbedder, SpaceModels]:
    """The active space with its model, and where those of other spaces come from.

    The configured model makes the first space. From the first document on the database says which
    model is needed; ModelUnavailable when that one cannot be loaded.
    """
    load = model_loader(settings)
    async with database.system() as system:
        space = await current_space(system)
        is_empty = not any((await generations(system)).values())
    if space is None or (is_empty and space.model != settings.embedding_model):
        embedder = load_embedder(settings)
        space = await open_space(database, embedder)
    else:
        embedder = load(space)
        if space.model != settings.embedding_model:
            log.warning(
                "embedding_model.not_active",
                configured=settings.embedding_model,
                active=space.model,
                space=space.name,
                mend="Create a space for it with 'footnote space create', and activate that.",
            )
    return space, embedder, SpaceModels(load, space, embedder)
