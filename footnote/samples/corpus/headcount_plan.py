"""The headcount plan, for the people team and finance."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, table
from footnote.samples.manifest import FINANCE, HR, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="headcount-plan-2025.csv",
        external_id="HC-2025",
        title="Headcount plan 2025",
        principals=(HR, FINANCE),
        collection="people",
        effective_at=datetime(2025, 1, 1, tzinfo=UTC),
        metadata={"department": "people", "kind": "plan", "year": 2025},
    ),
    blocks=(
        table(
            (
                "Department",
                "Cost centre",
                "Headcount January 2025",
                "Planned hires 2025",
                "Planned leavers 2025",
                "Planned headcount December 2025",
                "Approved by",
            ),
            ("Production", "CC-110", 84, 7, 4, 87, "Ingrid Solvang"),
            ("Electronics", "CC-120", 26, 2, 1, 27, "Ingrid Solvang"),
            ("Software", "CC-130", 21, 5, 2, 24, "Marek Havlin"),
            ("Calibration laboratory", "CC-140", 38, 1, 2, 37, "Marek Havlin"),
            ("Field service and repair", "CC-150", 27, 3, 0, 30, "Ingrid Solvang"),
            ("Sales and customer service", "CC-210", 17, 2, 1, 18, "Marek Havlin"),
            ("Purchasing and stores", "CC-220", 9, 0, 0, 9, "Marek Havlin"),
            ("Finance", "CC-310", 6, 1, 1, 6, "Ingrid Solvang"),
            ("People", "CC-320", 4, 0, 0, 4, "Ingrid Solvang"),
            ("Facilities and management", "CC-330", 4, 0, 0, 4, "Ingrid Solvang"),
        ),
    ),
)
