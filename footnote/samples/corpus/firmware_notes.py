"""The release notes of the data logger's firmware."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="heron-l3-release-notes.md",
        external_id="RN-HERON-L3-4.2",
        title="Heron L3 firmware 4.2: release notes",
        principals=(EVERYBODY,),
        collection="products",
        effective_at=datetime(2025, 3, 3, tzinfo=UTC),
        metadata={"department": "products", "kind": "release notes", "product": "Heron L3"},
    ),
    blocks=(
        heading(1, "Heron L3 firmware 4.2: release notes"),
        paragraph("""Released on 3 March 2025 for all Heron L3 loggers with serial numbers from
            L3-20000. Older loggers stay on the 3.9 series. Release manager: Oona Kivela."""),
        heading(2, "New"),
        bullets(
            """**Store and forward.** When the mobile network is down, the logger now keeps 90 days
            of readings and sends them in order once the network is back.""",
            """**Alarm on rate of rise.** An alarm can be raised when the water climbs by more than
            a set number of centimetres per hour, not only at a fixed level.""",
            """**Signed updates.** From 4.2 on the logger refuses firmware that is not signed with
            the key `TQ-FW-2025`.""",
        ),
        heading(2, "Changed"),
        bullets(
            """The clock is set from the network once a day at 03:10 UTC instead of at every
            connection; this saves about 6 % of the battery.""",
            "The default password of the web page is gone: each logger has its own, on the label.",
            "The setting `sdi12.retry` counts up to 5 instead of 3.",
        ),
        heading(2, "Mended"),
        table(
            ("Number", "Symptom", "Since"),
            ("HL-1187", "Readings of the last hour lost after a brown-out", "4.0"),
            ("HL-1203", "Wrong sign of temperatures below -20 °C on Modbus", "3.7"),
            ("HL-1219", "Web page froze in the German language", "4.1"),
            ("HL-1226", "Rain total doubled when two TQ-7 were attached", "4.1"),
        ),
        heading(2, "Known limits"),
        paragraph("""Loggers with the modem board of revision 1 need a restart by hand after the
            update. An update over LTE-M takes about 25 minutes and should not be started with less
            than 40 % of battery charge."""),
        heading(2, "How to update"),
        bullets(
            "Make a backup of the settings in Heron Desk 7 or later.",
            "Load `heron-l3-4.2.0.tqf` and choose *Update*.",
            "Wait until the status light blinks green twice, then read one value by hand.",
        ),
    ),
)
