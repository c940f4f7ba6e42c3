"""Questions of evaluations, asked on the way that every question takes."""

from collections.abc import Sequence
from time import perf_counter
from uuid import uuid4

from app.http.answers.respond import respond_answer
from app.http.answers.schemas import Answer, AnswerRequest
from app.identity import Caller, Identity
from app.resources import Resources
from footnote.evals.loading import READER
from kb.ids import Subject, TenantId


def new_asker(tenant_id: TenantId, principals: Sequence[str] = READER.principals) -> Caller:
    """A caller whom nobody knows: failures in a row are counted for each asker."""
    return Caller(
        identity=Identity(
            subject=Subject(f"evaluation:{uuid4()}"),
            tenant_id=tenant_id,
            principals=tuple(principals),
            scopes=frozenset({"answers"}),
        ),
        principals=tuple(principals),
        request_id="evaluation",
    )


async def ask_timed(
    resources: Resources, caller: Caller, request: AnswerRequest
) -> tuple[Answer, float]:
    """The answer, and the milliseconds that it took."""
    started = perf_counter()
    answer = await respond_answer(resources, caller, request)
    return answer, round((perf_counter() - started) * 1000, 3)
