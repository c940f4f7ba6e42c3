"""Nothing is shown without what changes its meaning: lead-ins, headings, the other conditions."""

from dataclasses import replace

import pytest

from tests.app.answering.evidence.test_tabular import context_of_table
from tests.app.answering.verify.drafts import judge, read
from tests.fakes.sources import context_of

SITE = (
    "Allowed on site\n\n- Dogs on a leash\n\nForbidden on site\n\n- Fireworks of any kind\n\n"
    "Ask the porter."
)
FEES = (
    "New customers\n\nThe fee is EUR 10 per month.\n\nOld customers\n\nThe fee is EUR 20 per month."
)
NESTED = "Employees may bring:\n- Guests, but not:\n  - Journalists of any kind\n- Dogs"
FLAT = "Employees may bring:\n- Guests, but not:\n- Journalists of any kind"
RESET = "To reset the pump:\n1. Close the main valve\n2. Wait a minute\n3. Open the lid"
LEAVE = "Leave is granted if all of these hold:\n- You have worked a year\n- Your manager agrees"
BARE = "It is forbidden to bring\n- Weapons of any kind\n- Drones"
TAX = (
    "The car allowance is EUR 300. It is taxed at 30 percent.\n\n"
    "The meal allowance is EUR 40. It is free of tax."
)


@pytest.mark.parametrize(
    ("text", "claim", "quotes", "shown"),
    [
        (
            SITE,
            "Dogs and fireworks are fine.",
            [SITE[17:-18]],
            "Allowed on site\n- Dogs on a leash\nForbidden on site\n- Fireworks of any kind",
        ),
        (
            SITE,
            "- Dogs on a leash\nForbidden on site\n- Fireworks of any kind",
            ["Fireworks of any kind"],
            "Allowed on site\n- Dogs on a leash\nForbidden on site\n- Fireworks of any kind",
        ),
        (
            FEES,
            "The fee is EUR 10 or 20.",
            [FEES[15:]],
            (
                "New customers: The fee is EUR 10 per month.\n"
                "Old customers: The fee is EUR 20 per month."
            ),
        ),
        (
            NESTED,
            "Journalists of any kind",
            ["Journalists of any kind"],
            "Employees may bring:\n- Guests, but not:\n- Journalists of any kind",
        ),
        (
            FLAT,
            "Press may come.",
            ["Journalists of any kind"],
            "Employees may bring:\n- Guests, but not:\n- Journalists of any kind",
        ),
        (RESET, "To reset the pump:\n1. Close the main valve\n3. Open the lid", [RESET], RESET),
        (RESET, "Just open the lid.", ["Open the lid"], RESET),
        (LEAVE, "After a year.", ["You have worked a year"], LEAVE),
        (
            BARE,
            "Weapons of any kind",
            ["Weapons of any kind"],
            "It is forbidden to bring\n- Weapons of any kind",
        ),
        (
            TAX,
            "It is free of tax.",
            ["It is free of tax."],
            "The meal allowance is EUR 40. It is free of tax.",
        ),
    ],
)
def test_what_is_shown_keeps_its_meaning(
    text: str, claim: str, quotes: list[str], shown: str
) -> None:
    judged = judge(claim, *quotes, context=context_of([text], title=None))

    assert (judged.verdict, judged.text) == ("supported", shown)


@pytest.mark.parametrize("colon", [":", "\uff1a"])
def test_a_colon_of_any_width_leads_to_what_follows(colon: str) -> None:
    guests = judge(
        "Journalists come in.",
        "Journalists of any kind",
        context=context_of([FLAT.replace(":", colon)]),
    )
    lid = judge("Open it.", "Open the lid", context=context_of([RESET.replace(":", colon)]))

    assert guests.text == FLAT.replace(":", colon)
    assert lid.text == RESET.replace(":", colon)


def test_an_item_whose_lead_in_is_not_there_is_not_shown() -> None:
    context = context_of(["- Minibar costs\n- Fines"], title=None)

    assert judge("Fines are paid.", "Fines", context=context).verdict == "unsupported"


@pytest.mark.parametrize(
    ("quote", "shown"),
    [
        ("The fee is EUR 25 ... in all cases.", "The fee is EUR 25 a month and due in all cases."),
        ("on 5 May", "It ends on 5 May."),
    ],
)
def test_a_quote_that_leaves_words_out_or_is_a_value_is_made_whole(quote: str, shown: str) -> None:
    context = context_of(
        ["The fee is EUR 25 a month and due in all cases. Well. It ends on 5 May."]
    )

    assert shown in judge("A claim of its own.", quote, context=context).text


def test_a_line_between_two_headings_is_what_the_first_one_names() -> None:
    context = context_of(["Contact person\n\nAnna Berg\n\nOpening hours\n\nThe desk opens at 9."])

    judged = judge("Ask Anna.", "Anna Berg", context=context)

    assert judged.text == "Contact person: Anna Berg"


PACKING = "You may bring:\n- a tent\n- a torch\n\nYou must not bring:\n- a knife\n- a gun\n"


@pytest.mark.parametrize(
    ("claim", "quotes", "shown"),
    [
        ("You may bring a knife.", ["- a knife"], "You must not bring:\n- a knife"),
        (
            "You may bring:\n- a knife",
            ["You may bring:", "- a knife"],
            "You must not bring:\n- a knife",
        ),
        (
            "You must not bring: a tent",
            ["You must not bring:", "- a tent"],
            "You may bring:\n- a tent",
        ),
        ("You may bring: a tent", ["You may bring:", "- a tent"], "You may bring: a tent"),
    ],
)
def test_whoever_reads_an_item_it_says_what_leads_to_its_own_list(
    claim: str, quotes: list[str], shown: str
) -> None:
    assert read(claim, *quotes, context=context_of([PACKING])).text == shown


def test_a_row_of_a_table_leads_to_no_list() -> None:
    context = context_of_table((("Plan", "Price EUR"), ("Basic", "10"), ("Pro", "20")))
    (source,) = context.sources
    below = replace(source.passage, text=f"{source.passage.text}\n- Depot: EUR 5\n- a deposit")
    context = replace(context, sources=(replace(source, passage=below, parts=(below,)),))

    assert judge("The depot costs EUR 5.", "- Depot: EUR 5", context=context).text == "Depot: EUR 5"
    assert judge("We take a deposit.", "- a deposit", context=context).verdict == "unsupported"
