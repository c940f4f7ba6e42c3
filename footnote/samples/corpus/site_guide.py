"""The guide to the Fenbridge site."""

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="site-guide-fenbridge.html",
        external_id="GUIDE-FEN",
        title="Fenbridge site guide",
        principals=(EVERYBODY,),
        collection="operations",
        metadata={"department": "facilities", "kind": "guide", "site": "Fenbridge"},
    ),
    blocks=(
        heading(1, "Fenbridge site guide"),
        paragraph("""Everything you need to find your way at Mill Quay 3, Fenbridge. The page is
            kept by Rosalind Achterberg, facilities, room 0.14, extension 4100."""),
        heading(2, "Getting in"),
        paragraph("""Gate A is open from 05:30 to 22:30 on working days. At other times use your
            badge at gate B. A lost badge costs nothing but must be reported to the gatekeeper the
            same day. Visitors are announced by 16:00 on the day before and are met at reception by
            their host, who gives them a yellow badge."""),
        heading(2, "Parking and bicycles"),
        paragraph("""Employees park on the upper deck; the lower deck is for visitors and for the
            eleven charging points. Charging a private car costs EUR 0.29 per kilowatt-hour. The
            bicycle shed beside gate B has 80 places, a pump and two showers."""),
        heading(2, "Canteen"),
        paragraph("""The canteen serves lunch from 11:30 to 13:45. A main course costs EUR 4.60 for
            employees and EUR 8.90 for guests. The coffee bar by the water opens at 07:00."""),
        heading(2, "Meeting rooms"),
        table(
            ("Room", "Floor", "Seats", "Equipment"),
            ("Avocet", "1", "24", "two screens, video conference"),
            ("Bittern", "1", "8", "screen"),
            ("Curlew", "2", "12", "screen, whiteboard, video conference"),
            ("Dunlin", "2", "4", "telephone booth"),
            ("Egret", "3", "40", "stage, projector, hearing loop"),
        ),
        heading(2, "Post and parcels"),
        bullets(
            "Outgoing post leaves at 15:30; hand it in at room 0.09.",
            "Private parcels are not accepted at goods-in.",
            "Gauges for repair go to Port Ansel, not to Fenbridge.",
        ),
        heading(2, "In case of high water"),
        paragraph("""At a level of 5.20 metres on the gauge at Mill Quay the lower parking deck is
            closed, and at 5.80 metres the goods lift is switched off. The gatekeeper sends a text
            message to everybody who has left a number at reception."""),
    ),
)
