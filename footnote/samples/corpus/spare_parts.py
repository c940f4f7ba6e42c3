"""The price list of spare parts: numbers in the tables of a workbook."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

_HEADER = ("Part number", "Description", "Fits", "Price EUR", "Lead time weeks", "Stock")

SAMPLE = Sample(
    entry=ManifestEntry(
        file="spare-parts-prices.xlsx",
        external_id="PL-2025-1",
        title="Spare parts price list 2025",
        principals=(EVERYBODY,),
        collection="products",
        effective_at=datetime(2025, 2, 1, tzinfo=UTC),
        metadata={"department": "sales", "kind": "price list", "year": 2025},
    ),
    blocks=(
        heading(2, "River gauges"),
        table(
            _HEADER,
            ("SP-4211", "Housing with lid", "TQ-42/b", 212.75, 4, 31),
            ("SP-4214", "Cable gland M20", "TQ-42/a, TQ-42/b", 9.45, 1, 840),
            ("SP-4217", "Antenna cover", "TQ-42/b", 87.25, 2, 112),
            ("SP-4218", "Antenna cover, heated", "TQ-42/b", 164.35, 6, 18),
            ("SP-4222", "Main board, revision 5", "TQ-42/b", 398.15, 5, 27),
            ("SP-4225", "Bracket BR-9 with bolts", "TQ-42/a, TQ-42/b", 73.85, 1, 205),
            ("SP-4231", "Solar set SK-3", "TQ-42/b, TQ-7", 341.65, 3, 44),
        ),
        heading(2, "Tide gauges"),
        table(
            _HEADER,
            ("SP-6002", "Stilling pipe, 3 m", "TQ-60", 188.95, 3, 22),
            ("SP-6005", "Float, stainless", "TQ-60", 129.55, 2, 36),
            ("SP-6009", "Anti-fouling ring", "TQ-60", 41.15, 1, 150),
            ("SP-6013", "Pressure cell 0 to 2 bar", "TQ-60/p", 276.45, 7, 9),
        ),
        heading(2, "Loggers and rain gauges"),
        table(
            _HEADER,
            ("SP-3301", "Lithium battery pack", "Heron L3", 58.65, 1, 460),
            ("SP-3304", "Modem board LTE-M", "Heron L3", 143.25, 4, 63),
            ("SP-3307", "Door seal", "Heron L3", 12.35, 1, 390),
            ("SP-7001", "Tipping bucket", "TQ-7", 96.85, 3, 57),
            ("SP-7003", "Funnel with bird ring", "TQ-7", 64.75, 2, 71),
        ),
        heading(2, "Conditions"),
        paragraph("""Prices are net, ex works Fenbridge, and hold from 1 February 2025 until the
            next list appears."""),
        paragraph("""Public river authorities receive 12 % off list prices from ten pieces of the
            same part."""),
        paragraph("""Orders for spare parts go to parts@tarnquist.example or to extension 4520. The
            list is kept by Nadia Petrescu. Stock figures were taken on 27 January 2025 and are
            only a guide; the lead time counts from the confirmation of the order."""),
        paragraph("""Parts that are no longer listed can be rebuilt for as long as drawings and
            material exist. The smallest lot for a rebuilt part is 25 pieces. Spare parts for the
            TQ-42/a are kept until the end of 2029."""),
    ),
)
