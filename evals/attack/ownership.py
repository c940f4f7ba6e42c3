"""Attempts to read, change or count documents after their uploader, readers or name changed."""

import http.client
import json
from collections.abc import Sequence

import httpx

from evals.attack.calls import finished, send_text, stored
from evals.attack.comparing import differences
from evals.attack.finding import Finding, Probe, judge
from evals.attack.target import Target
from evals.bench.footnote_process import KEY_SCOPES, TENANT

ANA, BEN, CLEO = "user:ana", "user:ben", "user:cleo"
JSON = {"Content-Type": "application/json"}
MULTIPLE_CHOICES = 300
"""The first status that is no success."""

NEW_WORD = "aubergine"
"""A word of the text that the removed uploader must not see."""

ODD_PRINCIPALS = {
    "everybody of a kind": "user:*",
    "another tenant": "tenant:globex",
    "zero width": "user:a\u200bna",
    "byte order mark": "user:\ufeffana",
    "right to left": "user:\u202eana",
    "soft hyphen": "user:a\u00adna",
    "tag character": "user:a\U000e0061na",
    "delete": "user:a\x7fna",
    "C1 control": "user:a\x85na",
    "no-break space": "user:a\u00a0na",
}
NAMES_FOR_ALL = ("user:ana", "user:\u00e0na", "user:a\u0300na", "user:\u540d", "group:r-d.x_1")
"""Both doors take these, or both refuse."""


def removed_uploader_reads_nothing(target: Target) -> Finding:
    """Whoever is no reader of the served version gets none of its text and changes nothing."""
    key = target.footnote.create_key(TENANT, "--act-as", "--scopes", f"{KEY_SCOPES},admin")
    with target.caller(ANA) as ana, target.caller(BEN) as ben:
        # Whoever is no uploader of a document needs this scope to change it.
        ben.headers["Authorization"] = f"Bearer {key}"
        first = send_text(ana, "Menu one.", external_id="menu", principals=[ANA, BEN])
        finished(ana, first["job"])
        second = send_text(
            ben, f"The new menu has {NEW_WORD}.", external_id="menu", principals=[BEN]
        )
        finished(ben, second["job"])
        document = second["document"]
        faults = [
            f"{name} shows the new text"
            for name, response in _everything_ana_may_try(ana, document)
            if NEW_WORD in response.text
        ]
        taken = ana.patch(f"/v1/documents/{document}", json={"principals": [ANA]})
        removed = ana.delete(f"/v1/documents/{document}")
        still = ben.get(f"/v1/documents/{document}/content")
        if NEW_WORD not in still.text:
            faults.append("the reader lost the document")
    return judge(
        {},
        {},
        also={
            "is_same_document": first["document"] == document,
            "patch_status": taken.status_code,
            "delete_status": removed.status_code,
        },
        faults=faults,
    )


def own_external_id_comes_first(target: Target) -> Finding:
    """An upsert finds the caller's own document before a colleague's of the same external_id."""
    faults = []
    with target.caller(BEN) as ben, target.caller(ANA) as ana:
        for name, is_own_older in (("list-1", True), ("list-2", False)):
            # Made while neither could see the other's; then Ben reads Ana's.
            by_reader = {}
            makers = ((BEN, ben, "Ben's list."), (ANA, ana, "Ana's list."))
            for reader, client, text in makers if is_own_older else makers[::-1]:
                by_reader[reader] = stored(client, text, external_id=name, principals=[reader])
            own, colleague = by_reader[BEN], by_reader[ANA]
            shared = ana.patch(f"/v1/documents/{colleague}", json={"principals": [ANA, BEN]})
            shared.raise_for_status()

            fields = {"text": "Ben's new list.", "external_id": name, "principals": [BEN]}
            again = ben.post("/v1/documents", json=fields)
            if again.is_success:
                finished(ben, (again.json()["job"] or {}).get("id", ""))
                if again.json()["document"]["id"] != own:
                    faults.append(f"{name}: another document was updated")
            elif again.status_code != httpx.codes.CONFLICT:
                faults.append(f"{name}: status {again.status_code}")
            if "Ana's list." not in ana.get(f"/v1/documents/{colleague}/content").text:
                faults.append(f"{name}: the colleague's text is gone")
        elsewhere = _upsert_of_readable(ana, ben)
    return judge({}, {}, also={"upsert_of_a_readable_one": elsewhere}, faults=faults)


def hidden_external_id_tells_nothing(target: Target) -> Finding:
    """An upsert of an external_id that a hidden document has is like one nobody has."""
    bodies = []
    with target.caller(ANA) as ana, target.caller(CLEO) as cleo:
        stored(ana, "Hidden.", external_id="plan-a", principals=[ANA])
        for name in ("plan-a", "plan-b"):
            fields = {"text": "The same text.", "external_id": name, "principals": [CLEO]}
            bodies.append(cleo.post("/v1/documents", json=fields).raise_for_status().json())
    places = differences(*bodies)
    return judge({}, {}, faults=places)


def receipt_counts_what_the_caller_may_know(target: Target) -> Finding:
    """A deletion's receipt is the same whether or not others have asked about the document."""
    receipts = []
    for askers in ((ANA,), (ANA, BEN, CLEO)):
        with target.caller(ANA) as ana:
            everybody = [ANA, BEN, CLEO]
            document = stored(ana, f"The {NEW_WORD} quota is 12 kg.", principals=everybody)
            for asker in askers:
                with target.caller(asker) as client:
                    question = {"question": f"What is the {NEW_WORD} quota?"}
                    client.post("/v1/answers", json=question).raise_for_status()
            gone = ana.delete(f"/v1/documents/{document}").raise_for_status()
            receipts.append(gone.json()["receipt"])
    # A signature is made of the rest, ids and times among it.
    places = differences(*receipts, besides=frozenset({"generation", "signature"}))
    return judge(
        {},
        {},
        also={"answers": [each.get("answers") for each in receipts]},
        faults=places,
    )


def repeated_headers_are_refused(target: Target) -> Finding:
    """Two Footnote-Principals or Authorization headers are refused, whichever comes first."""
    key = target.key()
    credential = [("Authorization", f"Bearer {key}")]
    cases: Sequence[tuple[str, list[tuple[str, str]]]] = (
        ("principals", [*credential, *(("Footnote-Principals", name) for name in (ANA, BEN))]),
        ("same principals", [*credential, *[("Footnote-Principals", ANA)] * 2]),
        ("credentials", [*credential, ("Authorization", "Bearer fn_unknown")]),
    )
    faults = []
    for name, headers in cases:
        for order in (headers, headers[::-1]):
            response = httpx.get(f"{target.url}/v1/documents", headers=order)
            if response.is_success:
                faults.append(f"{name} were accepted")
    return judge({}, {}, faults=faults)


def odd_principals_are_refused(target: Target) -> Finding:
    """Header and JSON have one grammar; reserved and invisible names are in neither."""
    faults = []
    with target.caller("user:ana") as ana:
        for kind, name in ODD_PRINCIPALS.items():
            by_door = {"JSON": _json_status(ana, name), "header": _header_status(target, name)}
            faults += [
                f"{door} takes {kind}"
                for door, status in by_door.items()
                if status < MULTIPLE_CHOICES
            ]
        for name in NAMES_FOR_ALL:
            statuses = _json_status(ana, name), _header_status(target, name)
            if len({status < MULTIPLE_CHOICES for status in statuses}) > 1:
                faults.append(f"{name!r}: JSON {statuses[0]}, header {statuses[1]}")
    return judge(
        {},
        {},
        also={"names": len(ODD_PRINCIPALS) + len(NAMES_FOR_ALL)},
        faults=faults,
    )


def _everything_ana_may_try(ana: httpx.Client, document: str) -> list[tuple[str, httpx.Response]]:
    base = f"/v1/documents/{document}"
    found = [
        (path, ana.get(f"{base}{path}"))
        for path in ("", "/content", "/content?original=true", "/content?version=2", "/chunks")
    ]
    for mode in ("lexical", "vector"):
        body = {"query": "new menu", "mode": mode}
        found.append((f"search {mode}", ana.post("/v1/search", json=body)))
    question = {"question": "What does the new menu have?", "include_retrieved": True}
    found.append(("answers", ana.post("/v1/answers", json=question)))
    return [(name or "document", response) for name, response in found]


def _upsert_of_readable(ana: httpx.Client, ben: httpx.Client) -> str:
    """The fate of a colleague's document that its reader upserts; for the report."""
    colleague = stored(ana, "Ana's plan.", external_id="plan", principals=[ANA, BEN])
    response = ben.post("/v1/documents", json={"text": "Ben's plan.", "external_id": "plan"})
    if not response.is_success:
        return str(response.json().get("code"))
    finished(ben, (response.json()["job"] or {}).get("id", ""))
    is_same = response.json()["document"]["id"] == colleague
    return "updated" if is_same else "a second document"


def _json_status(client: httpx.Client, name: str) -> int:
    body = {"text": "Odd.", "principals": ["user:ana", name]}
    return client.post("/v1/documents", content=json.dumps(body), headers=JSON).status_code


def _header_status(target: Target, name: str) -> int:
    """By a client that sends any byte; the name goes as UTF-8."""
    connection = http.client.HTTPConnection(*target.address, timeout=30)
    connection.putrequest("GET", "/v1/documents")
    connection.putheader("Authorization", f"Bearer {target.key()}")
    connection.putheader("Footnote-Principals", name.encode())
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


PROBES: tuple[Probe, ...] = (
    removed_uploader_reads_nothing,
    own_external_id_comes_first,
    hidden_external_id_tells_nothing,
    receipt_counts_what_the_caller_may_know,
    repeated_headers_are_refused,
    odd_principals_are_refused,
)
