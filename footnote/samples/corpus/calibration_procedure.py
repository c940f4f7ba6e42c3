"""The calibration procedure of the river gauge, with a table of limits."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="calibration-procedure.docx",
        external_id="CAL-PR-12",
        title="Calibration procedure CAL-PR-12: radar gauges",
        principals=(EVERYBODY,),
        collection="operations",
        effective_at=datetime(2024, 5, 15, tzinfo=UTC),
        metadata={"department": "calibration", "kind": "procedure", "issue": 9},
    ),
    blocks=(
        heading(1, "Calibration procedure CAL-PR-12: radar gauges"),
        paragraph("""Issue 9 of 15 May 2024. Released by Søren Falk, head of the calibration
            laboratory in Kelder. The procedure applies to new gauges of the series TQ-42 and to
            gauges that come back from repair."""),
        heading(2, "1 Preparation"),
        bullets(
            "Keep the gauge in hall 2 for at least four hours before the first reading.",
            "The hall must be at 20 °C, give or take 1 °C, with less than 65 % humidity.",
            "Warm up the gauge at 12 V for 30 minutes.",
            "Check that the radar target simulator REF-017 is within its calibration date.",
        ),
        heading(2, "2 Measurement"),
        paragraph("""Read the gauge at seven distances, each ten times, first rising and then
            falling. Record the mean and the spread in form CAL-F-04. A spread of more than 0.8 mm
            at any distance stops the run; the cause must be found before it is repeated."""),
        table(
            ("Test point", "Distance m", "Permitted error mm", "Permitted spread mm"),
            ("P1", "0.5", "1.0", "0.4"),
            ("P2", "2", "1.0", "0.4"),
            ("P3", "5", "1.2", "0.5"),
            ("P4", "10", "1.4", "0.5"),
            ("P5", "15", "1.6", "0.6"),
            ("P6", "25", "1.8", "0.7"),
            ("P7", "35", "2.0", "0.8"),
        ),
        heading(2, "3 Adjustment"),
        paragraph("""If one test point fails, the offset is adjusted once and the whole measurement
            is repeated. A gauge that fails a second time goes back to electronics with a red
            card. The share of red cards is reported every month; in 2024 it was 1.7 %."""),
        heading(2, "4 Certificate"),
        paragraph("""The certificate carries the serial number, the seven mean errors, the hall
            temperature and the name of the person who measured. It is signed by two people and
            kept for 15 years. Customers receive it as a PDF within three working days."""),
        heading(2, "5 Recalibration"),
        paragraph("""We recommend that customers send a TQ-42/b for recalibration every five years,
            and every two years where it is used for flood warnings."""),
    ),
)
