"""The travel policy that was replaced in 2025."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="travel-policy-2023.docx",
        external_id="TQ-POL-07-3",
        title="Travel and expenses policy, issue 3 (2023)",
        principals=(EVERYBODY,),
        collection="policies",
        effective_at=datetime(2023, 1, 1, tzinfo=UTC),
        expires_at=datetime(2025, 4, 1, tzinfo=UTC),
        metadata={"department": "finance", "kind": "policy", "issue": 3},
    ),
    blocks=(
        heading(1, "Travel and expenses policy"),
        paragraph("""TQ-POL-07, issue 3, valid from 1 January 2023. Owner: Marek Havlin, finance
            director."""),
        heading(2, "1 Purpose"),
        paragraph("""This policy says which travel costs Tarn & Quist pays back and how they are
            claimed. It applies to all employees and to contractors who travel on our behalf."""),
        heading(2, "2 Before the journey"),
        paragraph("""Journeys inside the country need the consent of the team lead. Journeys abroad
            need the consent of the department head. Tickets are booked through the travel desk,
            which is reached on extension 4150."""),
        heading(2, "3 Meals"),
        paragraph("""The daily meal allowance for domestic travel is EUR 34. A breakfast that is
            included in the hotel price reduces the allowance by EUR 6. Receipts for meals are not
            needed."""),
        heading(2, "4 Hotels and transport"),
        paragraph("""A hotel night may cost up to EUR 110 including breakfast. For a private car we
            pay EUR 0.30 per kilometre. First-class rail tickets are allowed on journeys of more
            than four hours."""),
        table(
            ("Cost", "Limit under issue 3", "Receipt"),
            ("Hotel night", "EUR 110", "yes"),
            ("Private car, per kilometre", "EUR 0.30", "no"),
            ("Taxi, per ride", "EUR 35", "yes"),
            ("Parking, per day", "EUR 18", "yes"),
        ),
        heading(2, "5 Claims"),
        paragraph("""Expense claims are handed in on the paper form TQ-F-19 within 60 days after
            the journey. The claim needs the signature of the team lead. Money is paid out with the
            next monthly run."""),
        bullets(
            "Attach receipts in the order of the form.",
            "Foreign currency is converted at the rate of the day of the receipt.",
            "Fines are never paid back.",
        ),
    ),
)
