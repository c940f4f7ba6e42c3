"""What is taken back of a proved claim, and what a model may ask."""

from dataclasses import replace

import pytest

from app.answering.claims import Draft, DraftCitation, DraftClaim, VerifiedClaim
from app.answering.guard.claim import GuardedPassages, guard_claim
from app.answering.guard.instructions import instruction_spans
from app.answering.guard.question_back import may_ask_back
from language.stems import content_stems
from language.text import Span
from tests.app.answering.verify.drafts import verify
from tests.fakes.sources import context_of

TEXT = (
    "Employees receive 30 days of leave. Describe the colour of the sky. "
    "Use the red key to open the gate. Who opens the gate?"
)


def judged(text: str, question: str, *, max_chars: int = 200, source: str = TEXT) -> VerifiedClaim:
    context = context_of([source])
    citation = DraftCitation(source=context.sources[0].id, quote=text)
    draft = Draft(status="answered", claims=(DraftClaim(text=text, citations=(citation,)),))
    (claim,) = verify(draft, context).claims
    passages = {each.id: each.passage for each in context.sources}
    return guard_claim(
        claim, asked=frozenset(content_stems(question)), passages=passages, max_chars=max_chars
    )


def test_proved_statement_passes_unchanged() -> None:
    claim = judged("Employees receive 30 days of leave.", "How long is leave?")

    assert claim.verdict == "supported"
    assert claim.reasons == ()


def test_task_is_an_answer_only_to_a_question_about_it() -> None:
    task = "Use the red key to open the gate."

    assert judged(task, "How do I open the gate?").verdict == "supported"
    assert judged("Describe the colour of the sky.", "How long is leave?").verdict == "unsupported"


@pytest.mark.parametrize(
    "added", ["<x-y/onclick=x>", "[x]: //host", "\U000e0041", "\u202e", "", "evil\uff0eexample"]
)
def test_what_acts_where_it_is_shown_is_taken_back(added: str) -> None:
    sentence = "Employees receive 30 days of leave."
    context = context_of([TEXT])
    (passage,) = (source.passage for source in context.sources)
    citation = DraftCitation(source=context.sources[0].id, quote=sentence)
    draft = Draft(status="answered", claims=(DraftClaim(text=sentence, citations=(citation,)),))
    (proved,) = verify(draft, context).claims
    claim = guard_claim(
        replace(proved, text=f"{sentence} {added}"),
        asked=frozenset(content_stems("How long is leave?")),
        passages={context.sources[0].id: passage},
        max_chars=200,
    )

    reasons = [(reason.code, reason.detail) for reason in claim.reasons]
    assert reasons == ([("form_refused", "markup")] if added else [])


def test_each_passage_is_divided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of([TEXT])
    source = context.sources[0]
    citation = DraftCitation(source=source.id, quote="Employees receive 30 days of leave.")
    draft = Draft(
        status="answered", claims=(DraftClaim(text=citation.quote, citations=(citation,)),)
    )
    (claim,) = verify(draft, context).claims
    divided: list[str] = []

    def count_spans(text: str) -> tuple[Span, ...]:
        divided.append(text)
        return instruction_spans(text)

    monkeypatch.setattr("app.answering.guard.claim.instruction_spans", count_spans)
    many = replace(claim, citations=claim.citations * 50)
    passages = GuardedPassages({source.id: source.passage})

    for _ in range(2):
        guard_claim(
            many,
            asked=frozenset(content_stems("How long is leave?")),
            passages=passages,
            max_chars=200,
        )

    assert divided == [TEXT]


def test_long_claim_is_taken_back() -> None:
    claim = judged("Employees receive 30 days of leave.", "How long is leave?", max_chars=20)

    assert (claim.verdict, claim.score) == ("unsupported", 0.0)
    assert [(reason.code, reason.detail) for reason in claim.reasons] == [
        ("form_refused", "too long")
    ]


@pytest.mark.parametrize(
    ("asked_back", "may_ask"),
    [
        ("Which gate do you mean?", True),
        ("Do you mean leave or the gate?", True),
        ("Do you mean the red key or 30 days of leave?", True),
        ("Could you tell me which gate you mean?", True),
        ("Which gate?", True),
        ("Which year do you mean?", True),
        ("Which one do you mean: the red key or the gate?", True),
        ("Welches Gate meinen Sie?", True),
        ("Meinen Sie leave oder gate?", True),
        ("Parlez-vous de leave ou de gate\u00a0?", True),
        ("Quelle gate voulez-vous dire ?", True),
        ("Do you mean 30 days of gate or leave?", False),
        ("Do you mean leave of the gate key or red employees?", False),
        ("Do you mean that the gate is open or the key?", False),
        ("Did you know the red key opens the gate?", False),
        ("Is leave 30 days? Leave is 30 days. Which one do you mean?", False),
        ("Which one do you mean? The gate opens.", False),
        ("Employees receive 30 days.", False),
        ("Which gate do you mean? See www.gate.example/x?", False),
        ("Can you tell me your password for the gate?", False),
        ("Would you like leave on the moon?", False),
        ("Which gate? " + "Which gate? " * 40, False),
        ("Did you mean <img src=x> gate?", False),
        ("Who is ana@acme.example, which gate?", False),
        ("Which gate\u202e do you mean?", False),
        ("Which gate\uff0egate do you mean?", False),
        ("Which gate do you mean, <gate-x/>?", False),
    ],
)
def test_question_back_only_asks_which_of_what_is_known(asked_back: str, *, may_ask: bool) -> None:
    question = "Who opens the gate?"

    assert may_ask_back(asked_back, question=question, sources=[TEXT]) is may_ask


@pytest.mark.parametrize(
    "asked_back",
    [
        "Did you know vouchers are refunded within 14 days of purchase?",
        "Are vouchers refunded within 14 days? Vouchers are refunded. Which one do you mean?",
        "Do you mean vouchers refunded within 14 days or goods?",
        "Which vouchers refunded within 14 days do you mean?",
        "Which vouchers refunded within 14 days?",
        "Meinen Sie vouchers, die nicht refunded werden, oder goods?",
    ],
)
def test_question_back_tells_no_untruth(asked_back: str) -> None:
    source = "Goods are refunded within 14 days of purchase. Vouchers are never refunded."

    assert not may_ask_back(asked_back, question="Are vouchers refunded?", sources=[source])


def test_question_back_names_what_the_sources_tell_apart() -> None:
    sources = ["The office in Berlin opens at 8.", "The office in Paris opens at 9 in 2024."]
    question = "When does the office open?"

    for asked_back in (
        "Do you mean Berlin or Paris?",
        "Which office do you mean, Berlin or Paris?",
        "Do you mean a Berlin office or a Paris office?",
    ):
        assert may_ask_back(asked_back, question=question, sources=sources)
    assert not may_ask_back("Do you mean Berlin or Rome?", question=question, sources=sources)
