"""Answers without a language model: quotes of the sources, made whole.

the answer computed from all rows of a table, if the question asks for one -> for each part of the
question the best piece that answers it -> the piece made whole: a list with its lead-in, a row with
the columns asked for, a sentence with the conditions that follow it
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.answering.claims import Draft
from app.answering.context import Context, Source
from app.answering.evidence.pieces import Piece, pieces_of
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.evidence.row_names import (
    TableQuestion,
    excludes_row,
    lacks_attribute,
    named_rows,
    read_table_question,
    row_named_by_key,
    text_of_row,
    wanted_columns,
)
from app.answering.evidence.row_tables import Table, table_with, tables_of
from app.answering.evidence.tabular import answer_from_rows
from app.answering.generate.excerpts import (
    Excerpt,
    excerpt_item,
    excerpt_list,
    excerpt_sentence,
)
from app.answering.question.answer_type import answer_type_of
from app.answering.question.parts import Part, QuestionReading
from app.answering.question.wording import defines
from app.answering.verify.tables import row_sentence
from language.lines import MARKER
from language.stems import content_stems

MIN_SHARE_OF_BEST: Final = 0.8
"""Of the best piece's fit that another needs to answer in its place. Of 250 questions of SQuAD2
those that only a piece below it answers are answered wrongly."""

WHOLE_ROW_BONUS: Final = 1.0
"""For a row that is asked for as a whole, over a sentence that says one thing more."""

STEPS_BONUS: Final = 0.3
"""For a procedure where the question asks how."""

WHOLE_LIST_MALUS: Final = 0.3
"""For a whole list where the question asks for one value: being longer it holds more of its words.
"""

ONE_THING: Final = frozenset({"number", "code", "time", "person", "place", "contact"})
"""Answer types of which one value is asked for."""

DEFINITION_BONUS: Final = 0.5
"""For the sentence that defines what the question asks a definition of."""

_ALTERNATIVE: Final = re.compile(r"\b(?:or|oder|ou)\b", re.IGNORECASE)


def extract(
    question: QuestionReading, evidence: Sequence[SentenceEvidence], context: Context
) -> Draft:
    """The answer in the sources' words: a claim for each part of the question.

    `unsupported` when no piece is about the question and has the answer type that it asks for, and
    when it asks for something of all rows of a table that they do not answer for certain.
    """
    of_rows = read_table_question(question.in_context)
    tables = tables_of(context)
    computed = answer_from_rows(of_rows, tables)
    if computed is not None and (computed.claims or _needs_all_rows(of_rows, evidence, tables)):
        return computed
    excerpts: dict[tuple[str, ...], Excerpt] = {}
    for place, part in enumerate(question.parts):
        own = [each for each in evidence if each.part == place]
        for each in _answer_part(part, own, context, tables):
            key = (each.source_id, *each.quotes)
            excerpts[key] = excerpts[key].merged_with(each) if key in excerpts else each
    claims = tuple(each.claim for each in excerpts.values())
    return Draft(status="answered" if claims else "unsupported", claims=claims)


def _needs_all_rows(
    question: TableQuestion, evidence: Sequence[SentenceEvidence], tables: Sequence[Table]
) -> bool:
    """True when the best piece is a row of a table that the question asks all rows of."""
    best = max(evidence, key=lambda each: each.score, default=None)
    if best is None or best.piece.row is None:
        return False
    table = table_with(best.source_id, best.piece.row, tables)
    if table is None or answer_from_rows(question, [table]) is None:
        return False
    # "The maximum number of packs of enoxaparin" is a cell of the one row that it names.
    return row_named_by_key(question, table) is None


def _answer_part(
    part: Part, evidence: Sequence[SentenceEvidence], context: Context, tables: Sequence[Table]
) -> list[Excerpt]:
    """The first piece, best first, that answers this part, made whole; none when none does."""
    fits = [(_fit(part, each), each) for each in evidence]
    best = max((fit for fit, _ in fits), default=0.0)
    for fit, each in sorted(fits, key=lambda pair: -pair[0]):
        source = context.source(each.source_id)
        if source is None or fit < MIN_SHARE_OF_BEST * best:
            continue
        piece = each.piece
        if piece.row is not None:
            table = table_with(source.id, piece.row, tables)
            excerpts = [] if table is None else _excerpt_rows(part, table)
        else:
            excerpt = (
                _excerpt_of_list(part, source, piece, evidence)
                if piece.items or piece.whole
                else excerpt_sentence(source, piece)
            )
            answers = _answers(part, excerpt.text, each.background, each.named_by)
            excerpts = [excerpt] if answers else []
        if excerpts:
            return excerpts
    return []


def _fit(part: Part, evidence: SentenceEvidence) -> float:
    """The piece's fit to this part: its score, corrected by the form of answer asked for."""
    piece, fit = evidence.piece, evidence.score
    if piece.items and part.constraints.answer_type.kind in ONE_THING:
        fit -= WHOLE_LIST_MALUS
    if piece.kind == "steps" and part.asks_how:
        fit += STEPS_BONUS
    if piece.row is not None and part.asks_for_everything:
        name = frozenset(content_stems(" ".join(cell.value for cell in piece.row.key)))
        fit += WHOLE_ROW_BONUS if name and name.issubset(content_stems(part.text)) else 0.0
    if part.defined_term is not None and defines(piece.text, part.defined_term):
        fit += DEFINITION_BONUS
    return fit


def _answers(
    part: Part, text: str, background: str, named_by: str, *, subject: str | None = None
) -> bool:
    """True when the text is about this part, has the answer type asked for, and says more.

    `named_by`: the names in its background; `subject`: the text without what names no subject, if
    that is not all of it.
    """
    is_echo = frozenset(content_stems(part.text)).issuperset(content_stems(text))
    first = _ALTERNATIVE.split(part.text, maxsplit=1)[0]
    if is_echo and answer_type_of(first).kind != "decision":
        return False
    if part.constraints.unmet(text if subject is None else subject, background):
        return False
    return part.constraints.answer_type.is_held_by(text, named_by)


# --- Lists ---------------------------------------------------------------------------------------


def _excerpt_of_list(
    part: Part, source: Source, piece: Piece, evidence: Sequence[SentenceEvidence]
) -> Excerpt:
    """The whole list where it is asked for, else the item that is.

    `piece`: the list or one of its items.
    """
    pieces = pieces_of(source.passage)
    span = piece.whole or piece.span
    whole = next((each for each in pieces if each.items and each.span == span), None)
    if whole is None:
        return excerpt_item(source, piece)
    items = [each for each in pieces if each.whole == span]
    passage = source.passage
    names = [passage.title or "", *passage.location["section"], whole.heading, items[0].lead_in]
    rest = frozenset(content_stems(part.in_context)).difference(content_stems(" ".join(names)))
    shared = [len(rest.intersection(content_stems(item.text))) for item in items]
    most = max(shared)
    named = [item for item, count in zip(items, shared, strict=True) if count == most > 0]
    # One amount, time, person or yes is no list.
    wants_several = part.asks_for_all and answer_type_of(part.text).kind in {"other", "steps"}
    is_one_named = len(named) == 1 and (2 * most > len(rest) or not wants_several)
    is_introduced = whole.span.start < whole.items[0].start
    is_plain = MARKER.match(whole.text) is not None or not rest
    is_best = bool(piece.items) and wants_several
    is_procedure = whole.kind == "steps" and part.asks_how
    is_listed = is_introduced or is_best or (part.asks_for_all and is_plain)
    if is_procedure or (is_listed and not is_one_named):
        return excerpt_list(source, whole)
    if piece.items:
        score_by_span = {
            each.piece.span: each.score for each in evidence if each.source_id == source.id
        }
        piece = max(named or items, key=lambda each: score_by_span.get(each.span, 0.0))
    return excerpt_item(source, piece)


# --- Rows ----------------------------------------------------------------------------------------


def _excerpt_rows(part: Part, table: Table) -> list[Excerpt]:
    """The rows of the table that this part names and that answer it, with the columns it wants.

    Of several rows that it names, those that the question before it names too.
    """
    question, in_context = read_table_question(part.text), read_table_question(part.in_context)
    rows = named_rows(question, table)
    if len(rows) > 1:
        rows = named_rows(in_context, replace(table, rows=tuple(rows))) or rows
    excerpts = []
    for placed in rows or named_rows(in_context, table):
        row = placed.row
        if lacks_attribute(question, row, table.names) or excludes_row(question, row):
            continue
        columns = wanted_columns(question, row) or wanted_columns(in_context, row)
        text = row_sentence(row, columns or None)
        background = f"{table.names} {' '.join(table.columns)} {placed.line}"
        if _answers(part, text, background, background, subject=text_of_row(row)):
            excerpts.append(
                Excerpt(
                    source_id=placed.source_id,
                    text=text,
                    quotes=(placed.line,),
                    row=row,
                    columns=frozenset(columns),
                )
            )
    return excerpts
