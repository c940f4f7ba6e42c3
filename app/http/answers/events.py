"""The events of a streamed answer."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, RootModel

from app.answering.claims import Verdict
from app.http.answers.schemas import Answer, Citation, Claim, ContextUse
from app.http.response_fields import ANSWER_ID, CreatedAtField, GenerationField, RequestIdField
from app.http.schemas import Count, ResponseModel
from app.http.sse import ErrorEvent, Event

ClaimIndex = Annotated[Count, Field(description="The claim's place, from 0.", examples=[0])]


class AnswerCreated(ResponseModel):
    """The answer has an id, under which its events can be had again."""

    id: UUID = Field(description="The answer's id.", examples=[ANSWER_ID])
    created_at: CreatedAtField
    request_id: RequestIdField


class RetrievalCompleted(ResponseModel):
    """The passages are found that the answer is drafted from."""

    passages: Count = Field(description="Passages that were found.", examples=[10])
    generation: GenerationField
    context: ContextUse = Field(description="What the generator is shown.")


class ClaimVerified(ResponseModel):
    """A claim is proved; its text is told here for the first time."""

    index: ClaimIndex
    claim: Claim = Field(description="The claim.")
    citations: list[Citation] = Field(description="What proves it.")


class ClaimRejected(ResponseModel):
    """A claim is not proved; its text is not told."""

    index: ClaimIndex
    verdict: Verdict = Field(description="What was found.", examples=["unsupported"])
    score: float = Field(description="0 to 1; claims are ranked by it.", examples=[0.12])


class AnswerCreatedEvent(Event[Literal["answer.created"], AnswerCreated]):
    """The first event."""


class RetrievalCompletedEvent(Event[Literal["retrieval.completed"], RetrievalCompleted]):
    """Comes once, unless the question is refused before anything is looked up."""


class ClaimVerifiedEvent(Event[Literal["claim.verified"], ClaimVerified]):
    """Comes for each claim that is proved, in order."""


class ClaimRejectedEvent(Event[Literal["claim.rejected"], ClaimRejected]):
    """Comes for each claim that is not proved, in order."""


class AnswerCompletedEvent(Event[Literal["answer.completed"], Answer]):
    """The last event: the whole answer, as without a stream."""


AnyAnswerEvent = Annotated[
    AnswerCreatedEvent
    | RetrievalCompletedEvent
    | ClaimVerifiedEvent
    | ClaimRejectedEvent
    | AnswerCompletedEvent
    | ErrorEvent,
    Field(discriminator="event"),
]


class AnswerStreamEvent(RootModel[AnyAnswerEvent]):
    """An event of a streamed answer: `data` is JSON.

    `answer.completed` or `error` is the last one. A comment line comes every 15 s of silence.
    """
