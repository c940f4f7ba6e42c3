"""The slides with the figures of the quarter, for finance only."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import FINANCE, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="results-q1-2025.pptx",
        external_id="FIN-Q1-2025",
        title="Results of the first quarter of 2025",
        principals=(FINANCE,),
        collection="finance",
        effective_at=datetime(2025, 4, 22, tzinfo=UTC),
        metadata={"department": "finance", "kind": "slides"},
    ),
    blocks=(
        heading(1, "Results of the first quarter of 2025"),
        paragraph("For finance only. Marek Havlin and Signe Aalto, 22 April 2025."),
        heading(2, "Summary"),
        bullets(
            "Revenue in the first quarter of 2025 was EUR 10.9 million, 4 % above plan.",
            "The operating margin was 9.2 %, after 8.1 % a year ago.",
            "Cash at the end of March was EUR 3.4 million.",
            "Order backlog covers 5.1 months of production.",
        ),
        heading(2, "Revenue by product"),
        table(
            ("Product", "Q1 2025 kEUR", "Q1 2024 kEUR"),
            ("River gauges", "5920", "5480"),
            ("Tide gauges", "1760", "1815"),
            ("Loggers and software", "2130", "1790"),
            ("Repair and calibration", "1090", "1010"),
        ),
        heading(2, "What moved the result"),
        bullets(
            "Flood season: river authorities brought forward orders of EUR 640,000.",
            "Tide gauges fell because the port of Lisk postponed its tender to September.",
            "Aluminium was 3 % cheaper than planned.",
            "Freight cost EUR 85,000 more than planned.",
        ),
        heading(2, "Outlook"),
        bullets(
            "Full-year revenue is now expected at EUR 42.6 million.",
            "Tooling for Heron L4 is on budget.",
            "The covenant test in June is expected at 1.9 times EBITDA.",
            "Two customers with open items above EUR 100,000 are on the watch list.",
        ),
        heading(2, "Next steps"),
        paragraph("""The forecast is renewed by 23 May. Cost centre owners receive their files on 5
            May and return them by 16 May."""),
    ),
)
