"""The data sheet of the river gauge; its warranty contradicts the terms of sale."""

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="datasheet-tq-42b.html",
        external_id="DS-TQ-42/b",
        title="TQ-42/b radar river gauge: data sheet",
        principals=(EVERYBODY,),
        collection="products",
        metadata={"department": "products", "kind": "datasheet", "product": "TQ-42/b"},
    ),
    blocks=(
        heading(1, "TQ-42/b radar river gauge"),
        paragraph("""The TQ-42/b measures the height of open water without touching it. It hangs
            under a bridge or on a boom, sends a radar pulse at 80 GHz, and reports the distance to
            the surface every fifteen seconds. It replaces the TQ-42/a, which was built until 2019;
            both share the bracket BR-9."""),
        heading(2, "Technical data"),
        table(
            ("Property", "TQ-42/b", "Remark"),
            ("Measuring range", "0.3 m to 35 m", "distance to the water surface"),
            ("Accuracy", "± 2 mm", "over the whole range"),
            ("Beam angle", "8 degrees", ""),
            ("Supply", "9 to 30 V DC", "solar set SK-3 available"),
            ("Interfaces", "SDI-12, RS-485, 4 to 20 mA", "configured in Heron Desk"),
            ("Protection", "IP68", "2 m for 48 hours"),
            ("Operating temperature", "-35 °C to +65 °C", ""),
            ("Weight", "1.9 kg", "without bracket"),
        ),
        heading(2, "Power"),
        paragraph("""The TQ-42/b draws 11 mA while it measures and 0.4 mA while it sleeps. With the
            solar set SK-3 and the 12 Ah battery it runs for 24 days without sun."""),
        heading(2, "Installation"),
        bullets(
            "Mount the gauge at least 0.5 m away from the bridge pier.",
            "Point the arrow on the housing downstream.",
            "Tighten the four bolts of the bracket BR-9 with 14 Nm.",
            "Start the echo survey in Heron Desk and wait for the green mark.",
        ),
        heading(2, "Ordering codes"),
        table(
            ("Code", "Variant", "Cable"),
            ("TQ-42/b-010", "standard", "10 m"),
            ("TQ-42/b-030", "standard", "30 m"),
            ("TQ-42/b-EX", "for explosive atmospheres, zone 1", "10 m"),
        ),
        heading(2, "Warranty and approvals"),
        paragraph("""The warranty period of the TQ-42/b river gauge is 36 months from delivery. The
            gauge is approved for official hydrometric networks under certificate HN-2207."""),
    ),
)
