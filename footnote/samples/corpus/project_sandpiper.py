"""A plan to move the laboratory, for the people team only."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import HR, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="project-sandpiper.docx",
        external_id="HR-SANDPIPER",
        title="Project Sandpiper: staff plan",
        principals=(HR,),
        collection="people",
        effective_at=datetime(2025, 3, 24, tzinfo=UTC),
        metadata={"department": "people", "kind": "plan"},
    ),
    blocks=(
        heading(1, "Project Sandpiper: staff plan"),
        paragraph("""Confidential, people team only. Version of 24 March 2025, written by Amara
            Oyelaran. Please do not print this document and do not speak of it by its content."""),
        heading(2, "Intention"),
        paragraph("""Under Project Sandpiper the night measurements move from Kelder to a new hall
            in Fenbridge in the first half of 2026. The day work of the laboratory stays where it
            is. The works council has not been informed yet; the talk with Petra Nowak is planned
            for 19 May 2025."""),
        heading(2, "Positions"),
        paragraph("""Project Sandpiper affects 14 positions in Kelder. Nobody is dismissed. Nine
            people are offered the same work in Fenbridge, three are trained for day work, and two
            reach retirement before the move."""),
        table(
            ("Group", "Positions", "Offer"),
            ("Night technicians", "9", "transfer to Fenbridge"),
            ("Assistants", "3", "retraining of 12 weeks"),
            ("Senior technicians", "2", "retirement in 2026"),
        ),
        heading(2, "Support"),
        bullets(
            "A relocation grant of EUR 7,500 for everybody who moves house.",
            "A commuting grant of EUR 240 per month for 18 months for those who do not.",
            "Two paid days for the search for a home.",
            "Help with school places through an agency.",
        ),
        heading(2, "Steps"),
        table(
            ("Date", "Step", "Who"),
            ("19 May 2025", "Talk with the works council", "Amara Oyelaran"),
            ("2 June 2025", "Talks with the 14 people", "Søren Falk"),
            ("30 September 2025", "Choices are binding", "People team"),
            ("1 March 2026", "First night shift in Fenbridge", "Søren Falk"),
        ),
        heading(2, "Risks"),
        paragraph("""Two of the night technicians are the only ones who know the radar hall. If
            they leave, night work stops for about four months. They are spoken to first, and each
            is offered a stay bonus of EUR 9,000 payable in June 2026."""),
    ),
)
