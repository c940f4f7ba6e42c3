"""A claim aligned with its evidence, word by word."""

from app.answering.verify.compared import Compared, align
from app.answering.verify.vetoes import rules
from language.reading import read_sentence


def pairs(claim: str, evidence: str) -> list[tuple[str, str]]:
    ours, theirs = read_sentence(claim), read_sentence(evidence)
    aligned = align(ours, theirs)
    return [(ours.tokens[i].raw, theirs.tokens[j].raw) for i, j in aligned.pairs.items()]


def test_words_of_one_stem_or_start_and_equal_numbers_are_paired() -> None:
    assert pairs("The publisher pays 5 %.", "Publication costs five percent; payments too.") == [
        ("publisher", "Publication"),
        ("5 %", "five percent"),
    ]


def test_of_several_places_the_next_one_on_is_taken() -> None:
    aligned = align(read_sentence("Bonn has trams."), read_sentence("Trams ran. Bonn: trams."))

    assert aligned.share == 1
    assert [aligned.evidence.tokens[place].start for place in aligned.pairs.values()] == [11, 17]


def test_a_name_is_paired_with_itself_only() -> None:
    assert pairs("We met Publisher.", "We saw the publication.") == []


def test_a_claim_about_something_else_is_not_close() -> None:
    evidence = read_sentence("Managers approve leave.")

    def is_close(claim: str) -> bool:
        best = align(read_sentence(claim), evidence)
        return Compared(
            claim=read_sentence(claim), best=best, evidence=[evidence], background=[]
        ).is_close

    assert is_close("Managers approve all leave.")
    assert not is_close("Managers eat lunch at noon.")


def test_a_rule_is_excused_by_its_marks_alone() -> None:
    modal = next(rule for rule in rules() if rule["id"] == "modal-exchanged")
    evidence = read_sentence("Managers may approve leave.")

    def is_excused(claim: str) -> bool:
        best = align(read_sentence(claim), evidence)
        both = Compared(claim=read_sentence(claim), best=best, evidence=[evidence], background=[])
        return both.is_excused(modal)

    assert is_excused("Only managers must approve leave.")
    assert not is_excused("Managers must approve leave.")
