"""The minutes of the safety committee."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="safety-committee-2025-02.txt",
        external_id="MIN-SAFE-2025-02",
        title="Minutes of the safety committee, 11 February 2025",
        principals=(EVERYBODY,),
        collection="operations",
        effective_at=datetime(2025, 2, 11, tzinfo=UTC),
        metadata={"department": "safety", "kind": "minutes"},
    ),
    blocks=(
        heading(1, "Minutes of the safety committee, 11 February 2025"),
        paragraph("""Present: Priya Nandakumar (chair), Petra Nowak, Arne Lindholm, Greta Holm,
            Yusuf Demir. Excused: Helena Brandt. Minutes: Arne Lindholm."""),
        heading(2, "1 Accidents and near misses"),
        paragraph("""Since the last meeting there was one accident with lost time: on 14 January a
            colleague slipped on ice on the loading ramp at Mill Quay and was away for six days.
            Four near misses were reported, three of them in the solder room."""),
        heading(2, "2 Loading ramp"),
        paragraph("""The ramp will be fitted with a heated surface before the next winter. Until
            then the gatekeeper spreads grit at 05:30 when it freezes. Greta Holm asks for the same
            at the slipway in Port Ansel; Priya Nandakumar obtains a quotation by 14 March."""),
        heading(2, "3 Solder room"),
        paragraph("""The measured air flow of the extraction at bench 7 was 0.31 metres per second,
            which is below the 0.40 that we ask for. The bench stays closed until the fan has been
            replaced. Yusuf Demir checks the other eleven benches."""),
        heading(2, "4 Evacuation exercise"),
        paragraph("""The exercise on 28 January emptied the Fenbridge building in 4 minutes and 20
            seconds. The assembly point for the Fenbridge building is the boat yard opposite gate
            B. The alarm could not be heard in the archive; a flashing light will be added."""),
        heading(2, "5 First aid"),
        paragraph("""There are 19 trained first aiders in Fenbridge, four in Kelder and three in
            Port Ansel. The defibrillators hang in the entrance hall and beside the paint shop.
            A refresher course takes place on 6 May."""),
        heading(2, "6 Decisions and tasks"),
        bullets(
            "Heated ramp: order by 30 April, Arne Lindholm.",
            "Fan for bench 7: replaced by 28 February, Yusuf Demir.",
            "Flashing light in the archive: by 31 March, Priya Nandakumar.",
        ),
        paragraph("The committee meets again on 13 May 2025 at 13:30 in room Avocet."),
    ),
)
