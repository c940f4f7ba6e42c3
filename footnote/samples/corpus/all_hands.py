"""The slides of the spring meeting of all employees."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="all-hands-spring-2025.pptx",
        external_id="AH-2025-1",
        title="All-hands meeting, spring 2025",
        principals=(EVERYBODY,),
        collection="company",
        effective_at=datetime(2025, 4, 10, tzinfo=UTC),
        metadata={"department": "management", "kind": "slides"},
    ),
    blocks=(
        heading(1, "All-hands meeting, spring 2025"),
        paragraph("Fenbridge, room Egret, 10 April 2025. Ingrid Solvang, managing director."),
        heading(2, "Where we stand"),
        bullets(
            "We delivered 3,120 river gauges in the first quarter, 210 more than a year ago.",
            "The customer survey gave us 87 of 100 points; in the year before it was 82.",
            "Repairs in Port Ansel now take nine working days on average.",
            "Thank you to the night team who kept 64 flood stations alive in January.",
        ),
        heading(2, "New products"),
        bullets(
            "The Heron L4 data logger ships in October 2025.",
            "Its satellite modem needs no mobile network at all.",
            "A field test with twelve loggers has been running on the river Anselle since March.",
            "The tide gauge TQ-60/p gets a titanium cell for warm seas.",
        ),
        heading(2, "Sites"),
        table(
            ("Site", "People", "What changes in 2025"),
            ("Fenbridge", "171", "Second coating line from June"),
            ("Kelder", "38", "New climate chamber in use since February"),
            ("Port Ansel", "27", "Slipway and crane renewed in September"),
        ),
        heading(2, "Sustainability"),
        bullets(
            "The solar roof in Fenbridge produced 412 megawatt-hours in 2024.",
            "All field service vans in Port Ansel will be electric by the end of 2026.",
            "Since January every gauge leaves the factory in packing without plastic foam.",
        ),
        heading(2, "Dates and people"),
        bullets(
            "Summer party: 27 June, boat yard, families welcome.",
            "Open day for schools: 19 September, organised by Katarzyna Wrona.",
            "Oona Kivela follows Bertil Strand as head of software on 1 July.",
            "Bertil retires after 31 years; the farewell is on 30 June in room Egret.",
        ),
        heading(2, "Your questions"),
        paragraph("""Send questions to allhands@tarnquist.example until 17 April. Answers appear on
            the notice board one week later."""),
    ),
)
