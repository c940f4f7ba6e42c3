"""The salary bands, for the people team only."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, heading, paragraph, table
from footnote.samples.manifest import HR, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="salary-bands-2025.xlsx",
        external_id="HR-PAY-2025",
        title="Salary bands 2025",
        principals=(HR,),
        collection="people",
        effective_at=datetime(2025, 1, 1, tzinfo=UTC),
        metadata={"department": "people", "kind": "salary bands", "year": 2025},
    ),
    blocks=(
        heading(2, "Bands"),
        table(
            ("Salary band", "Typical role", "Minimum EUR per year", "Maximum EUR per year"),
            ("K1", "Production assistant", 31200, 36400),
            ("K2", "Skilled worker, clerk", 35800, 43100),
            ("K3", "Technician, specialist", 42300, 52700),
            ("K4", "Engineer, accountant", 51600, 66900),
            ("K5", "Senior engineer, team lead", 64500, 83750),
            ("K6", "Principal engineer, department head", 81200, 108300),
        ),
        heading(2, "Allowances"),
        table(
            ("Allowance", "Amount EUR", "Per", "For whom"),
            ("Late shift", 4.35, "hour", "production"),
            ("Rope access", 38.5, "day", "field service"),
            ("On-call week", 265, "week", "service desk and field service"),
            ("Bridge inspection at night", 72.5, "night", "field service"),
        ),
        heading(2, "Rules"),
        paragraph("""Bands are reviewed every January by Amara Oyelaran together with the finance
            director. The average adjustment for 2025 is 3.4 %."""),
        paragraph("""Offers above the middle of a band need the written consent of the head of
            people. Offers above the maximum of a band are not made."""),
        paragraph("""Nobody is told the salary of another person. Each employee may ask in which
            band he or she is placed and how the band is defined. The comparison with other
            employers of the region was bought from Bramble Survey in October 2024; it may not be
            passed on."""),
        paragraph("""Part-time salaries are computed from the weekly hours in the contract divided
            by 37.5. Trainees are outside the bands and have a scale of their own."""),
    ),
)
