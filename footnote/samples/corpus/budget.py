"""The budget, for finance only."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, heading, paragraph, table
from footnote.samples.manifest import FINANCE, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="budget-2025.xlsx",
        external_id="FIN-BUD-2025",
        title="Budget 2025",
        principals=(FINANCE,),
        collection="finance",
        effective_at=datetime(2025, 1, 1, tzinfo=UTC),
        metadata={"department": "finance", "kind": "budget", "year": 2025},
    ),
    blocks=(
        heading(2, "Cost centres"),
        table(
            ("Cost centre", "Department", "Budget 2025 kEUR", "Actual 2024 kEUR", "Owner"),
            ("CC-110", "Production", 6840, 6615, "Arne Lindholm"),
            ("CC-120", "Electronics", 2385, 2290, "Arne Lindholm"),
            ("CC-130", "Software", 2170, 1845, "Oona Kivela"),
            ("CC-140", "Calibration laboratory", 2960, 2905, "Søren Falk"),
            ("CC-150", "Field service and repair", 1985, 1790, "Greta Holm"),
            ("CC-210", "Sales and customer service", 1640, 1585, "Luca Ferrante"),
            ("CC-220", "Purchasing and stores", 735, 720, "Helena Brandt"),
        ),
        heading(2, "Investments"),
        table(
            ("Number", "Investment", "Approved kEUR", "Quarter"),
            ("INV-25-01", "Second coating line", 1275, "Q2"),
            ("INV-25-02", "Heated loading ramp", 48, "Q3"),
            ("INV-25-03", "Slipway crane Port Ansel", 365, "Q3"),
            ("INV-25-04", "Tooling for Heron L4", 590, "Q2"),
        ),
        heading(2, "Assumptions"),
        paragraph("""Revenue is planned at EUR 41.8 million, against EUR 38.6 million in 2024. The
            plan assumes an aluminium price of EUR 2,450 per tonne."""),
        paragraph("""A reserve of EUR 350,000 is held for the recall of pressure cells of batch
            PC-2311. It is released by Marek Havlin only."""),
        paragraph("""Cost centre owners may move up to 5 % between lines of their own centre. Moves
            between centres need the consent of the finance director. The forecast is renewed in
            May and in September; the budget itself does not change during the year."""),
    ),
)
