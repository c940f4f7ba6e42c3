"""True sentences of the kinds that documents hold, and each retold lightly by hand.

A retelling keeps what is said: it moves a phrase, changes an inflection or a plain word, leaves out
an aside, or writes a number or date in another way.
"""

PARAPHRASES = (
    (
        "Full-time employees receive 25 days of paid leave in each calendar year.",
        "Full-time employees get 25 days of paid leave in every calendar year.",
    ),
    (
        "Unused leave expires on 31 March of the following year.",
        "Leave that is unused expires on March 31 of the following year.",
    ),
    (
        "Parental leave may be taken until the child is eight years old.",
        "Until the child is 8 years old, parental leave may be taken.",
    ),
    (
        "The service must not be exposed to the public internet.",
        "The service must never be exposed to the public internet.",
    ),
    (
        "Visitors are not allowed to enter the laboratory without an escort.",
        "Without an escort, visitors are not allowed to enter the laboratory.",
    ),
    (
        "Backups are encrypted with AES-256 and kept for 90 days in two regions.",
        "Backups, which are encrypted with AES-256, are kept for 90 days in two regions.",
    ),
    (
        "In 2024 the company employed 1,240 people in eleven countries.",
        "The company employed 1240 people in 11 countries in 2024.",
    ),
    (
        "Revenue rose by 12 percent to 4.2 million euros in the third quarter.",
        "In the third quarter, revenue rose by 12 % to EUR 4.2 million.",
    ),
    (
        "The warranty covers manufacturing defects but does not cover water damage.",
        "The warranty does not cover water damage.",
    ),
    (
        "Expense claims above 500 euros require the written approval of a department head.",
        "Expense claims over 500 euros require written approval by a department head.",
    ),
    (
        "The pump restarts automatically after a power failure.",
        "After a power failure the pump automatically restarts.",
    ),
    (
        "Contractors cannot approve invoices.",
        "Contractors are unable to approve invoices.",
    ),
    (
        "Smoking is prohibited in all buildings and within ten metres of any entrance.",
        "Smoking is not permitted in all buildings and within 10 metres of any entrance.",
    ),
    (
        "Marie Curie received the Nobel Prize in Physics in 1903 and in Chemistry in 1911.",
        "Marie Curie received the Nobel Prize in Chemistry in 1911.",
    ),
    (
        "The contract, which was signed in Geneva, ends on 3 March 2026.",
        "The contract ends on 2026-03-03.",
    ),
    (
        "Each API key is limited to 600 requests per minute.",
        "Every API key is limited to 600 requests a minute.",
    ),
    (
        "If the sensor reads more than 80 degrees, the controller shuts the valve down.",
        "The controller shuts down the valve if the sensor reads more than 80 degrees.",
    ),
    (
        "Our headquarters moved from Lyon to Rotterdam in the spring of 2019.",
        "In spring 2019 our headquarters moved from Lyon to Rotterdam.",
    ),
    (
        "The committee rejected the proposal because no budget had been set aside for it.",
        "Because no budget had been set aside, the committee rejected the proposal.",
    ),
    (
        "Passwords must contain at least fourteen characters and must not be reused.",
        "Passwords must have at least 14 characters and must not be reused.",
    ),
    (
        "The study included 312 patients, of whom 41 withdrew before the end.",
        "The study included 312 patients; 41 of them withdrew before the end.",
    ),
    (
        "Support answers critical incidents within 30 minutes, day and night.",
        "Critical incidents are answered by support within thirty minutes, day and night.",
    ),
    (
        "The bridge was opened in 1932 and is 1,149 metres long.",
        "Opened in 1932, the bridge is 1149 metres long.",
    ),
    (
        "Members pay 15 euros a month and guests pay 35 euros a visit.",
        "Guests pay 35 euros a visit.",
    ),
    (
        "The fee is 10 euros for members and 20 euros for guests.",
        "For guests the fee is 20 euros.",
    ),
    (
        "None of the test samples exceeded the legal limit for lead.",
        "None of the samples exceeded the legal limit for lead.",
    ),
    (
        "Deliveries to islands take up to five working days longer.",
        "Deliveries to islands take up to 5 working days longer.",
    ),
    (
        "Dr. Elena Petrova leads the materials group at the Zurich site.",
        "Elena Petrova is leading the materials group at the Zurich site.",
    ),
    (
        "The software may be copied for backup purposes only.",
        "Only for backup purposes may the software be copied.",
    ),
    (
        "Applicants who miss the deadline are not considered unless they give a good reason.",
        "Unless they give a good reason, applicants who miss the deadline are not considered.",
    ),
    (
        "Version 3.2.1 fixes the crash that occurred when a file name contained a space.",
        "The crash that occurred when file names contained a space is fixed in version 3.2.1.",
    ),
    (
        "The museum is closed on Mondays, except on public holidays.",
        "Except on public holidays, the museum is closed on Mondays.",
    ),
    (
        "Interest of 4.5 percent is charged on late payments.",
        "Late payments are charged an interest of 4.5%.",
    ),
    (
        "Part TQ-42b was replaced by part TQ-43 on 1 July 2025.",
        "On July 1, 2025 part TQ-42b was replaced by TQ-43.",
    ),
    (
        "Employees who work on a Sunday receive a day off in the same week.",
        "Employees working on a Sunday receive a day off in the same week.",
    ),
    (
        "The reservoir supplies drinking water to roughly two million people.",
        "Roughly 2 million people are supplied with drinking water by the reservoir.",
    ),
    (
        "The device weighs 1.3 kg and runs for up to nine hours on one charge.",
        "The device runs for up to 9 hours on one charge.",
    ),
    (
        "Personal data are deleted no later than 30 days after the account is closed.",
        "No later than 30 days after an account is closed, personal data are deleted.",
    ),
    (
        "The tunnel has two lanes in each direction and a separate service tube.",
        "The tunnel has two lanes in each direction, and a separate service tube.",
    ),
    (
        "Only staff with a blue badge may use the north entrance after 20:00.",
        "Only staff with a blue badge may use the north entrance from 20:00.",
    ),
)
