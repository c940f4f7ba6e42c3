"""Claims of known truth through the real path: ingestion, search, a model, verification, the wire.

documents -> a tenant -> each case's question with a scripted model -> what was shown
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from app.http.answers.schemas import AnswerRequest
from app.resources import Resources
from footnote.evals.asking import ask_timed, new_asker
from footnote.evals.loading import SourceFile, ingest_file, reading_code, tenant_named
from footnote.evals.proof.cases import ProofCase, ProofDocument
from footnote.evals.proof.judging import Ended, ending_of, shown_claims
from footnote.evals.proof.scripted import ScriptedModels, scripted_models
from ingest.ingestion import Ingestion
from kb.errors import Misconfigured
from kb.ids import TenantId
from kb.settings import Settings
from kb.store.uploads import Uploads

ReaderName = Literal["none", "judge", "grounding-model"]

_GATEWAY: Final = """
allow_unknown_price = true

[providers.scripted]
base_url = "{base_url}"

[models.writer]
provider = "scripted"
name = "writer"

[models.reader]
provider = "scripted"
name = "reader"

[aliases.writer]
targets = [{{ model = "writer" }}]

[aliases.reader]
targets = [{{ model = "reader" }}]

[tenants.default]
aliases = ["writer"]
{judge}
"""
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")


@contextmanager
def settings_with_models(
    settings: Settings, reader: ReaderName
) -> Iterator[tuple[Settings, ScriptedModels]]:
    """The settings of a service that asks the scripted models, and the running models.

    Misconfigured when the grounding model is to read and none is configured.
    """
    if reader == "grounding-model" and settings.grounding_model is None:
        raise Misconfigured("No model is configured that reads: set FOOTNOTE_GROUNDING_MODEL.")
    with scripted_models() as models, TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.toml"
        judge = 'judge = "reader"' if reader == "judge" else ""
        path.write_text(_GATEWAY.format(base_url=models.base_url, judge=judge), encoding="utf-8")
        kept = settings.grounding_model if reader == "grounding-model" else None
        yield (
            settings.model_copy(
                update={
                    "gateway_file": path,
                    "llm_base_url": None,
                    "llm_model": None,
                    "grounding_model": kept,
                }
            ),
            models,
        )


async def load_documents(
    tools: Ingestion,
    uploads: Uploads,
    documents: Sequence[ProofDocument],
    wanted: Collection[str],
) -> TenantId:
    """The tenant that has the wanted files, each in a collection of its own.

    What is there is not read again.
    """
    content = sha256()
    for document in documents:
        content.update(repr((document.file, document.title)).encode() + document.content)
    name = f"evaluation proof {content.hexdigest()[:16]} {tools.space.name} {reading_code()[:16]}"
    tenant_id = await tenant_named(tools, name)
    for document in documents:
        if document.file in wanted:
            file = SourceFile(
                id=document.file,
                filename=document.file,
                content=document.content,
                title=document.title,
                collection=_collection(document.file),
            )
            await ingest_file(tools, uploads, tenant_id, file)
    return tenant_id


def _collection(file: str) -> str:
    return _NO_NAME.sub("-", file.lower()).strip("-")


async def put_cases(
    resources: Resources,
    models: ScriptedModels,
    tenant_id: TenantId,
    cases: Sequence[ProofCase],
    *,
    on_progress: Callable[[int], None],
) -> list[Ended]:
    """Puts one case after the other: the models serve one question at a time."""
    ended = []
    for place, case in enumerate(cases, 1):
        models.put(case)
        request = AnswerRequest(question=case.question, collections=[_collection(case.document)])
        answer, milliseconds = await ask_timed(resources, new_asker(tenant_id), request)
        ended.append(
            Ended(
                case=case,
                ending=ending_of(case, models.happened, shown_claims(answer)),
                shown=answer.answer,
                milliseconds=milliseconds,
            )
        )
        on_progress(place)
    return ended
