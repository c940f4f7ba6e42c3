"""The employee handbook: a long PDF whose facts are not on the first page."""

from datetime import UTC, datetime

from footnote.samples.blocks import PageBreak, Sample, bullets, heading, paragraph, table
from footnote.samples.manifest import EVERYBODY, ManifestEntry

SAMPLE = Sample(
    entry=ManifestEntry(
        file="employee-handbook.pdf",
        external_id="TQ-HB-01",
        title="Employee handbook",
        principals=(EVERYBODY,),
        collection="policies",
        effective_at=datetime(2025, 1, 1, tzinfo=UTC),
        metadata={"department": "people", "kind": "handbook", "issue": 6},
    ),
    blocks=(
        heading(1, "Employee handbook"),
        paragraph("""Document TQ-HB-01, issue 6, valid from 1 January 2025. Owner: Amara Oyelaran,
            head of people."""),
        heading(2, "Welcome"),
        paragraph("""Tarn & Quist Instruments builds gauges that tell people how high the water is.
            Edda Tarn and Joris Quist founded the company in 1974 in a former grain mill at Mill
            Quay in Fenbridge, and our radar gauges now hang under some 9,400 bridges. We are 236
            people at three sites: head office and factory in Fenbridge, the calibration laboratory
            in Kelder, and the service depot in Port Ansel."""),
        paragraph("""This handbook describes how we work together. It is part of the contract of
            every employee, including trainees and people on fixed-term contracts. Where a site has
            a rule of its own, the site guide says so. Questions about this handbook go to the
            people team on extension 4210."""),
        heading(2, "How to read it"),
        paragraph("""Chapters 1 and 2 are about time, chapter 3 about learning and equipment, and
            chapter 4 about conduct. Travel and expenses are not covered here; they have a policy
            of their own, TQ-POL-07."""),
        PageBreak(),
        heading(2, "1 Working time"),
        heading(3, "1.1 Weekly hours"),
        paragraph("""A full-time week has 37.5 hours. Core hours, in which everybody can be
            reached, are from 10:00 to 15:00 on Monday to Thursday. Friday has no core hours.
            Production works in two shifts, from 06:00 to 14:00 and from 14:00 to 22:00."""),
        heading(3, "1.2 Overtime"),
        paragraph("""Overtime is agreed with the team lead before it is worked. It is balanced by
            time off within three months; after that the hours expire only if the employee was
            offered a date and declined it."""),
        heading(3, "1.3 Trial period and notice"),
        paragraph("""The trial period lasts four months. During the trial period either side may
            end the contract with two weeks' notice. Afterwards the notice period is eight weeks to
            the end of a month."""),
        table(
            ("Group", "Shift", "Break", "Latest clock-out"),
            ("Office", "flexible", "30 minutes", "20:00"),
            ("Production early", "06:00 to 14:00", "30 minutes", "14:30"),
            ("Production late", "14:00 to 22:00", "30 minutes", "22:30"),
            ("Field service", "by rota", "45 minutes", "19:00"),
        ),
        PageBreak(),
        heading(2, "2 Leave"),
        heading(3, "2.1 Annual leave"),
        paragraph("""Every full-time employee has 28 days of annual leave. Up to five unused days
            may be carried over and must be taken by 31 March of the following year. Leave of more
            than three weeks in one piece needs eight weeks' warning, so that the production plan
            can be changed."""),
        heading(3, "2.2 Parental leave"),
        paragraph("""Employees with at least one year of service receive 18 weeks of parental leave
            at full pay. The leave may be split into three parts and must be finished before the
            child's second birthday. Adoptive parents have the same right. Please tell your team
            lead at least ten weeks before the leave begins."""),
        heading(3, "2.3 Sickness"),
        paragraph("""Report sick by telephone before 09:00 on the first day. A doctor's note is
            needed from the fourth calendar day of an illness onwards."""),
        heading(3, "2.4 Volunteering"),
        paragraph("""Each employee may spend three paid days a year on flood relief or with a
            rescue service. The days do not count as annual leave."""),
        PageBreak(),
        heading(2, "3 Learning and equipment"),
        heading(3, "3.1 Training budget"),
        paragraph("""The personal training budget is EUR 1,200 per calendar year. It may be saved
            up for two years. Courses that the company orders, such as rope access for field
            service, are not taken from it."""),
        heading(3, "3.2 Language courses"),
        paragraph("""Evening courses in English, German and Polish are held in Fenbridge every
            Tuesday and are free of charge. Katarzyna Wrona coordinates them."""),
        heading(3, "3.3 Work equipment"),
        paragraph("""Office staff receive a notebook, a headset and one external screen. Notebooks
            are replaced after four years. Field engineers receive cut-resistant gloves, a life
            jacket of class 150 and a personal gas detector; lost protective equipment is replaced
            at no cost to the employee."""),
        PageBreak(),
        heading(2, "4 Conduct"),
        heading(3, "4.1 Gifts"),
        paragraph("""Gifts from customers or suppliers worth more than EUR 40 are declined or
            handed to the charity raffle in December. Invitations to a working lunch are fine."""),
        heading(3, "4.2 Raising a concern"),
        paragraph("""Concerns can be raised with any manager, with the works council, or
            anonymously with the ombudsperson, Dr Henrike Saal. Nobody suffers a disadvantage for a
            concern raised in good faith. The ombudsperson answers within seven working days."""),
        heading(3, "4.3 Contacts"),
        bullets(
            "People team: extension 4210, Amara Oyelaran",
            "Works council: extension 4275, Petra Nowak",
            "Occupational safety: extension 4333, Priya Nandakumar",
            "Service desk for computers and telephones: extension 4400, Tobias Lenz",
        ),
    ),
)
