"""Words that turn a statement into another one without a negation: rise and fall, only, must.

English only. A list cannot hold every pair; what it misses is caught when the changed word lowers
the coverage enough, which it does in short claims only.
"""

from typing import Final

from app.claims import Reason
from app.verify.ownership import is_told_of
from app.verify.statement import Statement
from app.verify.tokens import Token
from kb.text import STOP_WORDS, stem, word_set

# Each line: what one side says, and what the other says. Stop words count: `at least`, `at most`.
_PAIRS: Final = """
increase rise rose risen grow grew grown up | decrease fall fell fallen shrink shrank drop down
raise | lower reduce cut
more greater higher above over exceed | less fewer lower smaller below under
most maximum max highest largest best | least minimum min lowest smallest fewest worst
before prior earlier until | after later since
first | last
open | close
start begin began begun | end stop finish
include | exclude
accept approve | reject refuse decline
allow entitle | deny
must shall require mandatory compulsory obligatory | may might can could optional should recommend
all every always each entire | some sometimes several many few partly often usually
internal | external
inside | outside
public | private confidential
paid | unpaid free
free | expensive costly
full | empty partial
early | late
left | right
north northern | south southern
east eastern | west western
hot warm | cold cool
long | short
longer | shorter
faster quicker | slower
better | worse
heavier | lighter
cheaper | dearer expensive
wider | narrower
stronger | weaker
large big | small
high | low
strong | weak
safe | dangerous
correct | wrong incorrect
win won | lose lost
buy bought | sell sold
import | export
permanent | temporary
old | new young
older | newer younger
gain profit | loss
success succeed | failure
enable activate | disable deactivate
positive | negative
present | absent
male man men | female woman women
day | night
add | remove delete
join | leave
hire | dismiss
encourage | discourage
support | oppose
ascend | descend
approve accept endorse authorise authorize | reject refuse decline
approve | block veto
grant allow give entitle enable | deny refuse withhold revoke bar
increase rise rose grow grew climb | decline
praise welcome applaud commend | criticise criticize condemn
reopen | close shut
cover | exclude
refundable reimburse | deduct repay forfeit
pay reimburse | reject refuse decline
carry | forfeit
renew | cancel terminate
expire | valid
answer | ignore
encrypt | decrypt
afterwards | before
arrive | leave depart
few | most
within | later exceed
release | banish
"""

_PREFIXES: Final = ("un", "in", "im", "il", "ir", "dis", "mis")
MIN_PREFIXED_STEM: Final = 4
"""Shorter remains are other words: `inch` is not the opposite of `ch`."""

_STRONG: Final = (
    (word_set("only solely exclusively"), word_set("sole alone just merely exclusive")),
    (word_set("exactly precisely"), word_set("exact precise")),
    (word_set("always invariably"), word_set("all every each any")),
    (word_set("certainly definitely surely"), word_set("certain sure")),
    (word_set("completely entirely fully totally"), word_set("complete entire full total whole")),
)
"""Words that say more than a sentence without them, each with others that say as much."""


def check_opposites(claim: Statement, evidence: Statement) -> Reason | None:
    """Why a word turns the evidence round or narrows it, None when none does."""
    said_in = _said_by_clause(claim)
    for index, token in enumerate(claim.tokens):
        said = said_in[claim.clauses[index]]
        if _is_stronger(token, evidence):
            return Reason(code="stronger_word", detail=token.raw)
        opposites = _opposites_of(token) - said
        rivals = [i for key in opposites for i in evidence.indices_by_any_key.get(key, ())]
        rivals += _prefixed(token, evidence, said)
        if rivals and not _stands_apart(claim, index, evidence, rivals):
            return Reason(code="opposite_word", detail=token.raw)
    return None


def _said_by_clause(claim: Statement) -> dict[int, frozenset[str]]:
    keys: dict[int, set[str]] = {}
    for token, clause in zip(claim.tokens, claim.clauses, strict=True):
        keys.setdefault(clause, set()).add(token.key)
    return {clause: frozenset(said) for clause, said in keys.items()}


def _is_stronger(token: Token, evidence: Statement) -> bool:
    word = token.raw.casefold()
    return any(
        word in strong and evidence.words.isdisjoint(strong | equal) for strong, equal in _STRONG
    )


def _opposites_of(token: Token) -> frozenset[str]:
    # `First` and `second` are measures; their key is a number.
    key = token.key if token.measure is None else token.raw.casefold()
    return _OPPOSITES.get(key, frozenset())


def _prefixed(token: Token, evidence: Statement, said: frozenset[str]) -> list[int]:
    """Where the evidence has the word with `un-` and the claim without, or the other way."""
    if not token.is_content or token.key in evidence.keys:
        return []
    longer = {prefix + token.key for prefix in _PREFIXES}
    shorter = {token.key.removeprefix(p) for p in _PREFIXES if token.key.startswith(p)}
    forms = {form for form in longer | shorter if len(form) >= MIN_PREFIXED_STEM} - said
    return [index for form in forms for index in evidence.indices_by_key.get(form, ())]


def _stands_apart(claim: Statement, word: int, evidence: Statement, rivals: list[int]) -> bool:
    """True when the evidence has the word too, and says the claim's other words of it."""
    key = claim.tokens[word].key
    partners = [i for i in evidence.quoted if evidence.tokens[i].key == key]
    context = [
        evidence.indices_by_key[claim.tokens[index].key]
        for index in claim.in_clause(claim.clauses[word])
        if index != word and claim.tokens[index].key in evidence.indices_by_key
    ]
    said = frozenset(claim.indices_by_key)
    return any(
        all(is_told_of(evidence, where, partner, rivals, said) for where in context)
        for partner in partners
    )


def _read_pairs() -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for line in _PAIRS.strip().splitlines():
        sides = [
            frozenset(word if word in STOP_WORDS else stem(word) for word in side.split())
            for side in line.split("|")
        ]
        for here, there in (sides, sides[::-1]):
            for word in here:
                table[word] = table.get(word, frozenset()) | there
    return table


_OPPOSITES: Final = _read_pairs()
