"""The rules for computers and accounts."""

from datetime import UTC, datetime

from footnote.samples.blocks import Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="it-security-rules.md",
        external_id="TQ-POL-11",
        title="IT security rules",
        principals=(EVERYBODY,),
        collection="policies",
        effective_at=datetime(2024, 9, 1, tzinfo=UTC),
        metadata={"department": "it", "kind": "policy", "issue": 2},
    ),
    blocks=(
        heading(1, "IT security rules"),
        paragraph("""TQ-POL-11, issue 2, valid from 1 September 2024. Owner: Tobias Lenz, head of
            IT. The rules hold for everybody who uses a computer, telephone or account of Tarn &
            Quist, at every site and at home."""),
        heading(2, "Accounts and passwords"),
        bullets(
            "A password has at least 14 characters and is used for one account only.",
            """Passwords are kept in the password safe *Kestrel*, never in a browser, a mail or a
            notebook.""",
            """A second factor is required for mail, the travel portal, the source code server and
            every connection from outside.""",
            "Accounts that nobody has used for 45 days are locked.",
        ),
        heading(2, "Lost or stolen devices"),
        paragraph("""A lost notebook or telephone must be reported to the service desk on extension
            4400 within two hours. The service desk locks the device and wipes it remotely. Tell
            the desk which files were on it; nobody is blamed for a prompt report."""),
        heading(2, "Suspicious mail"),
        paragraph("""Send suspicious mail to phishing@tarnquist.example with the button *Report*.
            Do not forward it to colleagues. If you have already typed in a password, change it at
            once and call extension 4400, also at night."""),
        heading(2, "Updates and software"),
        paragraph("""Security updates are installed within seven days after release, on machines in
            the test field within 21 days. Software that is not in the catalogue is requested with
            form TQ-F-31. Private software is not installed on company computers."""),
        heading(2, "Backups"),
        table(
            ("System", "How often", "Kept for", "Restore tested"),
            ("File server", "every 6 hours", "35 days", "monthly"),
            ("Mail", "daily", "90 days", "quarterly"),
            ("Order system", "every 15 minutes", "180 days", "monthly"),
            ("Source code server", "hourly", "1 year", "quarterly"),
        ),
        heading(2, "Gauges on customers' networks"),
        paragraph("""Nobody connects a company notebook to a customer's control network. Field
            engineers use the service stick *Plover*, which is checked for malware each time it
            comes back to Port Ansel."""),
    ),
)
