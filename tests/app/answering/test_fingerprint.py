"""Nothing that an answer depends on may change and leave its fingerprint as it was."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.answering.fingerprint import fingerprint_answer
from app.answering.prompts.prompt import load_prompt
from app.answering.question.question import Question
from app.answering.release import Release
from app.answering.window import Turn
from app.limits import AnswerLimits
from app.retrieve.query import RetrievalLimits
from kb.ids import TenantId
from kb.store.filters import parse_filter

LIMITS = AnswerLimits(passages=10, context_tokens=2_400, evidence_floor=0.3)
RETRIEVAL = RetrievalLimits(candidates=100, lexical_weight=0.5)
RELEASE = Release(
    prompt=load_prompt("answer@2"),
    model="small",
    embedding_space="a_space_12345678",
    abstention="aa11",
    retrieval=RETRIEVAL,
    limits=LIMITS,
    verify_profile="balanced",
    grounding_model=None,
)
EARLIER = Turn(role="user", content="How many days of leave are there?")
QUESTION = Question(
    text="And in Spain?",
    history=(EARLIER,),
    collections=("handbook", "legal"),
    filter=parse_filter({"$or": [{"metadata.year": 2026}, {"metadata.year": 2027}]}),
    as_of=datetime(2026, 3, 1, tzinfo=UTC),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    tenant_id: TenantId = TenantId(UUID(int=1))  # noqa: RUF009  # a value
    principals: Collection[str] = ("everyone", "user:ana")
    generation: int = 7
    release: Release = RELEASE
    question: Question = QUESTION

    def fingerprint(self) -> str:
        return fingerprint_answer(
            self.tenant_id,
            self.principals,
            generation=self.generation,
            release=self.release,
            question=self.question,
        )


ASKED = Asked()


def about(**changes: object) -> Asked:
    return Asked(question=replace(QUESTION, **changes))  # type: ignore[arg-type]  # by the cases


def made_with(**changes: object) -> Asked:
    return Asked(release=replace(RELEASE, **changes))  # type: ignore[arg-type]  # by the cases


def test_fingerprint_is_the_same_in_every_process() -> None:
    # Of a question without a filter, whose classes may get other names.
    assert about(filter=None).fingerprint() == (
        "a7ad168fe77ce0c99b223b25e25d7159cad585a72b6d78b52b7c8c5d37015af8"
    )


@pytest.mark.parametrize(
    "same",
    [
        Asked(principals=["user:ana", "everyone", "user:ana"]),
        about(collections=("legal", "handbook")),
        about(is_streamed=True),
    ],
)
def test_what_an_answer_does_not_depend_on_leaves_it_the_same(same: Asked) -> None:
    assert same.fingerprint() == ASKED.fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        Asked(tenant_id=TenantId(UUID(int=2))),
        Asked(principals=("everyone", "user:bob")),
        Asked(principals=("everyone",)),
        Asked(principals=("everyone,user:ana",)),
        Asked(generation=8),
        made_with(prompt=load_prompt("answer@1")),
        made_with(prompt=replace(RELEASE.prompt, sha256="other")),
        made_with(model="large"),
        made_with(embedding_space="b_space_12345678"),
        made_with(abstention="bb22"),
        made_with(retrieval=replace(RETRIEVAL, candidates=200)),
        made_with(retrieval=replace(RETRIEVAL, lexical_weight=0.4)),
        made_with(limits=replace(LIMITS, passages=11)),
        made_with(limits=replace(LIMITS, context_tokens=2_401)),
        made_with(limits=replace(LIMITS, evidence_floor=0.31)),
        made_with(verify_profile="strict"),
        made_with(grounding_model="f00d"),
        about(text="And in France?"),
        about(history=()),
        about(history=(replace(EARLIER, role="assistant"),)),
        about(history=(replace(EARLIER, content="How many hours?"),)),
        about(collections=None),
        about(collections=("handbook",)),
        about(filter=None),
        about(filter=parse_filter({"$and": [{"metadata.year": 2026}, {"metadata.year": 2027}]})),
        about(as_of=None),
        about(as_of=datetime(2026, 3, 2, tzinfo=UTC)),
        about(top_k=3),
        about(max_context_tokens=500),
        about(max_output_tokens=500),
    ],
)
def test_whatever_an_answer_depends_on_changes_it(other: Asked) -> None:
    assert other.fingerprint() != ASKED.fingerprint()
