"""Does the claim negate what its evidence negates, and nothing else? English words only."""

from typing import Final

from app.claims import Reason
from app.verify.statement import Statement, is_boundary
from kb.text import stem

THAT_DISTANCE: Final = 4
"""Tokens between a negation and the `that` it governs: `it is not at all true that`."""

EXCEPTIONS: Final = frozenset({"unless", "except", "excepting", "without"})
"""What they limit cannot be told without them, so they may never be left out."""

IDLE_BEFORE: Final = frozenset({stem("limited"), "only"})
"""What `not` or `without` stands before without denying anything: `without limitation`."""

_LISTING: Final = frozenset({"but", ",", "(", stem("including")})
LISTING_REACH: Final = 4
"""Tokens before it among which one of those shows that a list goes on: `including but not`."""


def check_negation(claim: Statement, evidence: Statement) -> Reason | None:
    """Why the polarity differs, None when it agrees.

    Each negation of the claim needs one of its own in the evidence, beside the same words. Each
    further negation of the evidence must stand in a clause that the claim does not draw on.
    """
    unmatched = list(evidence.negations)
    for negation in claim.negations:
        partners = [n for n in unmatched if _same_slot(claim, negation, evidence, n)]
        partner = max(partners, key=lambda n: _is_flush(claim, negation, evidence, n), default=None)
        if partner is None:
            return Reason(code="negation_added", detail=claim.tokens[negation].raw)
        unmatched.remove(partner)
    for negation in unmatched:
        if _is_idle(claim, evidence, negation):
            continue
        if not _is_beside_the_point(claim, evidence, negation):
            return Reason(code="negation_dropped", detail=evidence.tokens[negation].raw)
    return None


def _is_idle(claim: Statement, evidence: Statement, negation: int) -> bool:
    """True for `not limited to` and `not only`, when the claim leaves out the whole of it.

    They add to what is said, and turn nothing round. Outside a list, `not limited to ten` says what
    the number is not.
    """
    after = evidence.tokens[negation + 1].key if negation + 1 < len(evidence.tokens) else ""
    nearby = evidence.tokens[max(0, negation - LISTING_REACH) : negation]
    is_listing = after == "only" or any(token.key in _LISTING for token in nearby)
    return is_listing and after in IDLE_BEFORE and after not in claim.indices_by_any_key


def _same_slot(claim: Statement, negation: int, evidence: Statement, partner: int) -> bool:
    if _is_exception(claim, negation) != _is_exception(evidence, partner):
        return False
    shared = frozenset(claim.indices_by_key) & frozenset(evidence.indices_by_key)
    before, after = _neighbours(claim, negation, shared)
    partner_before, partner_after = _neighbours(evidence, partner, shared)
    reach = _reach(claim, evidence, partner)
    if before == partner_before and after == partner_after:
        return before in reach or after in reach or _is_flush(claim, negation, evidence, partner)
    if after is not None and _ends_its_clause(evidence, partner):
        # `A is allowed, B is not`: the verb stands before.
        return before is not None and before == partner_before
    if _shares_subject(claim, negation, evidence, partner):
        return after == partner_after
    is_in_reach = (before is None or before in reach) and (after is None or after in reach)
    is_beside = before in {None, partner_before} or after in {None, partner_after}
    return is_in_reach and is_beside


def _shares_subject(claim: Statement, negation: int, evidence: Statement, partner: int) -> bool:
    """True for `A covers X but does not cover Y`, told as `A does not cover Y`.

    The evidence's clause has no subject of its own, and all that the claim says after its negation
    is said in that clause.
    """
    clause = evidence.clauses[partner]
    inside = list(evidence.in_clause(clause))
    if not clause or any(index < partner for index in inside):
        return False
    keys = {evidence.tokens[index].key for index in inside}
    told = {claim.tokens[index].key for index in claim.content if index > negation}
    return bool(told) and told & evidence.keys <= keys


def _is_flush(claim: Statement, negation: int, evidence: Statement, partner: int) -> bool:
    """True when the very next tokens on both sides are the same: `connected or not.`."""
    here, there = (
        [token.key for token in statement.tokens[max(0, index - 1) : index + 2]]
        for statement, index in ((claim, negation), (evidence, partner))
    )
    return here == there


def _is_exception(statement: Statement, negation: int) -> bool:
    return statement.tokens[negation].raw.casefold() in EXCEPTIONS


def _neighbours(
    statement: Statement, negation: int, shared: frozenset[str]
) -> tuple[str | None, str | None]:
    """The nearest content words on both sides that claim and evidence have in common."""
    keys = [
        (index, statement.tokens[index].key)
        for index in statement.content
        if statement.tokens[index].key in shared
    ]
    before = next((key for index, key in reversed(keys) if index < negation), None)
    return before, next((key for index, key in keys if index > negation), None)


def _reach(claim: Statement, evidence: Statement, negation: int) -> frozenset[str]:
    """Content keys of its clause, and of the one before an aside: `A, if any, is not`."""
    clause = evidence.clauses[negation]
    keys = {evidence.tokens[index].key for index in evidence.in_clause(clause)}
    aside = {evidence.tokens[index].key for index in evidence.in_clause(clause - 1)}
    is_aside = _opens_with_mark(evidence, clause) and _opens_with_mark(evidence, clause - 1)
    if is_aside and not aside & frozenset(claim.indices_by_key):
        keys |= {evidence.tokens[index].key for index in evidence.in_clause(clause - 2)}
    return frozenset(keys)


def _opens_with_mark(statement: Statement, clause: int) -> bool:
    first = next((i for i, number in enumerate(statement.clauses) if number == clause), None)
    return first is not None and statement.tokens[first].kind == "mark"


def _ends_its_clause(statement: Statement, negation: int) -> bool:
    clause = statement.clauses[negation]
    return all(index < negation for index in statement.in_clause(clause))


def _is_beside_the_point(claim: Statement, evidence: Statement, negation: int) -> bool:
    if _is_exception(evidence, negation) or _governs_that(evidence, negation):
        return False
    clause = evidence.clauses[negation]
    if _is_cut_off(evidence, negation):
        return False
    inside = {evidence.tokens[index].key for index in evidence.in_clause(clause)}
    outside = {
        evidence.tokens[index].key
        for index in evidence.content
        if evidence.clauses[index] != clause and index in evidence.quoted
    }
    return bool(inside) and not (inside & frozenset(claim.indices_by_key)) - outside


def _is_cut_off(evidence: Statement, negation: int) -> bool:
    """True when the quote was cut out of what an unquoted negation governs."""
    if negation in evidence.quoted:
        return False
    between = range(negation + 1, evidence.quoted.start)
    is_next = negation < evidence.quoted.start and not any(i in between for i in evidence.content)
    clause = evidence.clauses[negation]
    return is_next or any(index in evidence.quoted for index in evidence.in_clause(clause))


def _governs_that(evidence: Statement, negation: int) -> bool:
    ahead = evidence.tokens[negation + 1 : negation + 1 + THAT_DISTANCE]
    for token in ahead:
        if is_boundary(token):
            return False
        if token.key in {"that", "whether"}:
            return True
    return False
