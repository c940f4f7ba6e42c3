"""The terms of sale; their warranty contradicts the data sheet of the river gauge."""

from footnote.samples.blocks import Sample, heading, paragraph
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="terms-of-sale.txt",
        external_id="TQ-LEG-02",
        title="General terms of sale",
        principals=(EVERYBODY,),
        collection="products",
        metadata={"department": "sales", "kind": "terms"},
    ),
    blocks=(
        heading(1, "General terms of sale"),
        paragraph("""TQ-LEG-02. These terms apply to all deliveries of Tarn & Quist Instruments to
            businesses and public bodies. Terms of the customer apply only if we have accepted them
            in writing."""),
        heading(2, "§ 1 Offers"),
        paragraph("""Our offers are open for 45 days. A contract comes about when we confirm the
            order. Drawings and echo surveys that belong to an offer stay our property."""),
        heading(2, "§ 2 Delivery"),
        paragraph("""We deliver ex works Fenbridge. Standard gauges leave the factory within five
            weeks after the order is confirmed, gauges for explosive atmospheres within nine weeks.
            If we are late by more than three weeks, the customer may withdraw."""),
        heading(2, "§ 3 Prices and payment"),
        paragraph("""Customers pay our invoices within 21 days without deduction. For late payment
            we charge 0.5 % of the open amount per month. Orders under EUR 150 carry a handling fee
            of EUR 20."""),
        heading(2, "§ 4 Warranty"),
        paragraph("""The warranty period of the TQ-42/b river gauge is 24 months from delivery. For
            tide gauges of the series TQ-60 it is 30 months, and for spare parts 12 months. Damage
            by lightning, ice or vandalism is not covered."""),
        heading(2, "§ 5 Returns"),
        paragraph("""Goods are sent back only with a return number, which customer service issues
            within two working days. Luca Ferrante leads customer service. Unused goods in their
            packing are taken back within 14 days against a fee of 10 % of their price."""),
        heading(2, "§ 6 Software"),
        paragraph("""Heron Desk may be installed on any number of computers of the customer. It may
            not be passed on to others, and its protection marks may not be removed."""),
        heading(2, "§ 7 Law and place"),
        paragraph("""The courts at Fenbridge decide all disputes. § 7.3 of the framework agreement
            with the river authorities goes before these terms where it differs."""),
    ),
)
