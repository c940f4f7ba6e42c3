"""Two answers before a process says that it is ready, so that nobody's first one is slow."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from app.http.answers.records import running_record
from app.http.answers.respond import accept_question, make_answer
from app.http.answers.schemas import AnswerRequest
from app.identity import Caller, Identity
from app.resources import Resources
from kb.errors import KnowledgeBaseError
from kb.ids import Subject, TenantId
from kb.postgres.database import EVERYONE
from kb.store.answers import insert_answer
from kb.store.tenants import generations
from kb.telemetry import Metrics

log = structlog.get_logger(__name__)

QUESTIONS: Final = (
    "Who may read what, and since when?",
    "How many days does it take, and how much does it cost?",
)
"""The first is searched for in the database, the second in what that has left in memory."""

MAX_SECONDS: Final = 2.0
"""A tenant whose index takes longer to open than that is opened by its first search."""


class _Undone(Exception):
    """Rolls a transaction back."""


async def warm_up(resources: Resources) -> None:
    """Rehearses answers in the tenant with documents that changed least.

    Without documents, or when it fails, the first answer does what this would have done.
    """
    try:
        async with asyncio.timeout(MAX_SECONDS):
            # What is deleted while passages are held here is purged here as well.
            await resources.purger.announce()
            async with resources.database.system() as system:
                changes = {tenant: n for tenant, n in (await generations(system)).items() if n}
            if changes:
                await rehearse(resources, min(changes, key=changes.__getitem__))
    except KnowledgeBaseError as error:
        log.warning("warm_up.failed", code=error.code)
    except TimeoutError:
        log.info("warm_up.cut_off", seconds=MAX_SECONDS)
    except Exception:
        # What a document of one tenant does to an answer must not keep all others from theirs.
        log.exception("warm_up.crashed")


async def rehearse(resources: Resources, tenant_id: TenantId) -> None:
    """Answers the questions as for somebody who may read what every member of the tenant may.

    That opens connections, whose servers read the catalogue, compiles statements and patterns, and
    holds passages. Nothing is shown, stored or counted, and no language model is asked.
    """
    resources = _unnoticed(resources)
    identity = Identity(
        subject=Subject("warm-up"),
        tenant_id=tenant_id,
        principals=(EVERYONE,),
        scopes=frozenset(),
    )
    caller = Caller(identity=identity, principals=identity.principals, request_id="warm-up")
    with suppress(TimeoutError):
        # A search waits for less, and is made without them.
        async with asyncio.timeout(MAX_SECONDS / 2):
            await resources.retriever.take_up(tenant_id)
    for question in QUESTIONS:
        accepted = accept_question(resources, caller, AnswerRequest(question=question))
        await make_answer(resources, accepted)
        with suppress(_Undone):
            async with resources.database.tenant(tenant_id, viewer=caller.viewer) as scope:
                # Without the answer: what is rolled back stays on the disk for a while.
                await insert_answer(scope, running_record(accepted), caller.actor)
                raise _Undone


def _unnoticed(resources: Resources) -> Resources:
    """The same with metrics of their own; answers are drafted from any evidence, by no model."""
    answerer = resources.answerer
    return replace(
        resources,
        metrics=Metrics(),
        answerer=replace(
            answerer,
            retriever=answerer.retriever.uncounted(),
            gateway=None,
            limits=replace(answerer.limits, evidence_floor=0.0),
        ),
    )
