"""Chat completions of OpenAI's API <-> questions and answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, assert_never

from app.http.answers.events import ClaimVerified
from app.http.answers.present import joint, sentence_out
from app.http.answers.schemas import MAX_HISTORY_TURNS, Answer, AnswerRequest, Turn
from app.http.chat.chunks import ChatChunk, ChunkChoice, Delta
from app.http.chat.markdown import escape_markdown, unescape_markdown
from app.http.chat.schemas import (
    MODEL_PREFIX,
    Annotation,
    AnsweredMessage,
    ChatCompletion,
    ChatRequest,
    ChatUsage,
    Choice,
    Proof,
    UrlCitation,
)
from kb.errors import InvalidInput


def question_of(request: ChatRequest) -> AnswerRequest:
    """The last message as a question, the turns before it as its history; the model must exist.

    InvalidInput when the conversation does not end with a question of the user.
    """
    *earlier, last = request.messages
    if last.role != "user" or not last.text.strip():
        raise InvalidInput("The last message must be the user's question.")
    # Only what was said; how to behave is not for a conversation to decide.
    turns: list[Turn] = []
    for message in earlier:
        if message.role == "user" and message.text.strip():
            turns.append(Turn(role="user", content=message.text))
        elif message.role == "assistant" and message.text.strip():
            # What was answered here was escaped.
            turns.append(Turn(role="assistant", content=unescape_markdown(message.text)))
    return AnswerRequest(
        question=last.text,
        history=turns[-MAX_HISTORY_TURNS:] or None,
        collections=[request.model.removeprefix(MODEL_PREFIX)],
        max_output_tokens=request.max_completion_tokens or request.max_tokens,
        stream=bool(request.stream),
    )


PARAGRAPH: Final = "\n\n"
"""Begins a new line in Markdown, whatever stood on the one before."""


def completion_out(answer: Answer, model: str) -> ChatCompletion:
    """The answer as a whole."""
    content, annotations = content_of(answer)
    message = AnsweredMessage(content=content, annotations=annotations)
    return ChatCompletion(
        id=f"chatcmpl-{answer.id}",
        created=int(answer.created_at.timestamp()),
        model=model,
        choices=[Choice(index=0, message=message)],
        usage=usage_out(answer),
        footnote=proof_out(answer),
    )


class ChatStream:
    """Turns the events of a streamed answer into chunks; remembers the content it has sent."""

    def __init__(self, model: str, *, include_usage: bool) -> None:
        """Nothing is sent yet."""
        self._model = model
        self._include_usage = include_usage
        self._sent = ""
        self._opening: ChatChunk | None = None

    def chunks_of(self, name: str, data: Mapping[str, object]) -> Sequence[ChatChunk]:
        """The chunks that an event becomes; none for what has no place in this protocol."""
        match name:
            case "answer.created":
                created_at = datetime.fromisoformat(str(data["created_at"]))
                self._opening = ChatChunk(
                    id=f"chatcmpl-{data['id']}",
                    created=int(created_at.timestamp()),
                    model=self._model,
                    choices=[ChunkChoice(index=0, delta=Delta(role="assistant", content=""))],
                )
                return [self._opening]
            case "claim.verified":
                verified = ClaimVerified.model_validate(data)
                markers = [each.marker for each in verified.citations]
                sentence = sentence_out(escape_markdown(verified.claim.text), markers)
                piece = joint(self._sent, sentence, line=PARAGRAPH) + sentence
                self._sent += piece
                return [self._chunk(Delta(content=piece))]
            case "answer.completed":
                return self._last_chunks(Answer.model_validate(data))
            case "retrieval.completed" | "claim.rejected":
                return []
            case _:
                raise ValueError(f"unknown event {name!r}")

    def _chunk(self, delta: Delta) -> ChatChunk:
        assert self._opening is not None  # noqa: S101 - the first event opens the stream
        return self._opening.model_copy(update={"choices": [ChunkChoice(index=0, delta=delta)]})

    def _last_chunks(self, answer: Answer) -> Sequence[ChatChunk]:
        content, annotations = content_of(answer)
        # What is not part of the prose was not streamed: a notice, or a question back.
        rest = content.removeprefix(self._sent) or None
        delta = Delta(content=rest, annotations=annotations)
        choice = ChunkChoice(index=0, delta=delta, finish_reason="stop")
        proof = proof_out(answer)
        closing = self._chunk(delta).model_copy(update={"choices": [choice], "footnote": proof})
        if not self._include_usage:
            return [closing]
        return [
            closing,
            closing.model_copy(update={"choices": [], "usage": usage_out(answer)}),
        ]


def content_of(answer: Answer) -> tuple[str, list[Annotation]]:
    """The Markdown that a chat client shows, and a citation for each marker where it stands."""
    if not answer.answer:
        return _notice(answer), []
    citation_by_id = {citation.id: citation for citation in answer.citations}
    content = ""
    annotations: list[Annotation] = []
    for claim in answer.claims:
        if claim.verdict != "supported":
            continue
        cited = [citation_by_id[citation_id] for citation_id in claim.citations]
        markers = [each.marker for each in cited]
        sentence = sentence_out(escape_markdown(claim.text), markers)
        content += joint(content, sentence, line=PARAGRAPH) + sentence
        # The markers end the sentence, one behind the other.
        start = len(content) - sum(map(len, markers))
        for citation in cited:
            end = start + len(citation.marker)
            cited_at = UrlCitation(
                url=citation.source_uri or f"urn:uuid:{citation.document_id}",
                title=citation.title or citation.external_id or str(citation.document_id),
                start_index=start,
                end_index=end,
            )
            annotations.append(Annotation(url_citation=cited_at))
            start = end
    return content, annotations


def _notice(answer: Answer) -> str:
    """The content where there is no answer; chat clients show nothing else."""
    match answer.status:
        case "unsupported":
            return "The documents that you may read do not answer this question."
        case "escalate":
            return "This question needs a person to answer it."
        case "blocked":
            return "This question was refused."
        case "needs_clarification":
            return escape_markdown(answer.clarifying_question or "")
        case "answered" | "partially_supported" | "conflicting":
            return ""
        case _:
            assert_never(answer.status)


def proof_out(answer: Answer) -> Proof:
    """The proof of the content."""
    return Proof(
        status=answer.status,
        reason=answer.reason,
        answer_id=answer.id,
        citations=answer.citations,
    )


def usage_out(answer: Answer) -> ChatUsage:
    """The tokens that the language model read and wrote."""
    usage = answer.usage
    return ChatUsage(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
    )
