"""The travel policy in force; it replaces issue 3."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="travel-policy-2025.docx",
        external_id="TQ-POL-07-4",
        title="Travel and expenses policy, issue 4 (2025)",
        principals=(EVERYBODY,),
        collection="policies",
        effective_at=datetime(2025, 4, 1, tzinfo=UTC),
        supersedes="TQ-POL-07-3",
        metadata={"department": "finance", "kind": "policy", "issue": 4},
    ),
    blocks=(
        heading(1, "Travel and expenses policy"),
        paragraph("""TQ-POL-07, issue 4, valid from 1 April 2025. It replaces issue 3 of 2023.
            Owner: Marek Havlin, finance director."""),
        heading(2, "1 Purpose"),
        paragraph("""This policy says which travel costs Tarn & Quist pays back and how they are
            claimed. It applies to all employees, to trainees, and to contractors who travel on our
            behalf."""),
        heading(2, "2 Before the journey"),
        paragraph("""Journeys inside the country need no consent if they last less than two days.
            Longer journeys need the consent of the team lead, journeys abroad that of the
            department head. Tickets are booked in the travel portal; the travel desk on extension
            4150 helps when something goes wrong on the road. For distances under 600 kilometres
            the train is the rule and the aeroplane the exception."""),
        heading(2, "3 Meals"),
        paragraph("""The daily meal allowance for domestic travel is EUR 46. A breakfast that is
            included in the hotel price reduces the allowance by EUR 8. Receipts for meals are not
            needed."""),
        heading(2, "4 Hotels and transport"),
        paragraph("""A hotel night may cost up to EUR 140 including breakfast. In cities with a
            trade fair the department head may allow more. For a private car we pay EUR 0.38 per
            kilometre, and for a bicycle EUR 0.25."""),
        table(
            ("Cost", "Limit under issue 4", "Receipt"),
            ("Hotel night", "EUR 140", "yes"),
            ("Private car, per kilometre", "EUR 0.38", "no"),
            ("Bicycle, per kilometre", "EUR 0.25", "no"),
            ("Taxi, per ride", "EUR 45", "yes"),
            ("Parking, per day", "EUR 22", "yes"),
            ("Luggage storage, per day", "EUR 12", "yes"),
        ),
        heading(2, "5 Claims"),
        paragraph("""Expense claims are handed in through the travel portal within 30 days after
            the journey. A photograph of the receipt is enough; the paper form TQ-F-19 is no longer
            accepted. Money is paid out within ten working days."""),
        bullets(
            "One claim per journey, with the project number.",
            "Foreign currency is converted at the rate of the day of the receipt.",
            "Fines are never paid back.",
        ),
        heading(2, "6 Company cards"),
        paragraph("""Field engineers who travel on more than 40 days a year receive a company card.
            The card is for travel only. A lost card is reported to the travel desk at once."""),
    ),
)
