"""The summary of the bank loan, for finance only."""

from datetime import UTC, datetime

from footnote.samples.blocks import PageBreak, Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import FINANCE, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="loan-summary.pdf",
        external_id="FIN-LOAN-2023",
        title="Harrow Bank term loan: summary",
        principals=(FINANCE,),
        collection="finance",
        effective_at=datetime(2023, 11, 2, tzinfo=UTC),
        metadata={"department": "finance", "kind": "contract summary"},
    ),
    blocks=(
        heading(1, "Harrow Bank term loan: summary"),
        paragraph("""FIN-LOAN-2023, for finance only. Summary by Marek Havlin of the contract
            signed on 2 November 2023 with Harrow Bank. The contract itself is in the safe, folder
            17."""),
        heading(2, "Main terms"),
        paragraph("""The loan amounts to EUR 6.5 million and runs until 31 October 2030. The
            interest margin of the Harrow Bank term loan is 1.85 percentage points above the
            three-month reference rate. Repayments of EUR 250,000 fall due at the end of each
            quarter, for the first time in March 2025."""),
        table(
            ("Term", "Value"),
            ("Amount", "EUR 6.5 million"),
            ("Margin", "1.85 percentage points"),
            ("Commitment fee", "0.45 % per year on what is not drawn"),
            ("Security", "land charge on Mill Quay 3"),
        ),
        heading(2, "Covenants"),
        paragraph("""Net debt may not exceed 2.75 times EBITDA, tested at the end of June and of
            December. The equity ratio may not fall below 32 %. If a covenant is broken, the bank
            may raise the margin by 0.60 percentage points and ask for a repair plan within 30
            days."""),
        PageBreak(),
        heading(2, "Duties to report"),
        bullets(
            "Quarterly figures within 45 days after the end of the quarter.",
            "Audited accounts by 31 May of the following year.",
            "Any claim against the company of more than EUR 400,000, at once.",
        ),
        heading(2, "Early repayment"),
        paragraph("""The loan may be repaid early from November 2026 on against a fee of 1 % of the
            amount repaid. A sale of the Port Ansel site would make half of the loan due at
            once."""),
        heading(2, "Contacts"),
        paragraph("""Relationship manager at Harrow Bank is Cornelius Abbott. Questions inside the
            company go to Marek Havlin, and in his absence to Signe Aalto, treasury."""),
    ),
)
