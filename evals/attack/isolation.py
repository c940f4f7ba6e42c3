"""Attempts to learn of documents that a caller may not read, within a tenant and across tenants."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from time import perf_counter, sleep
from uuid import uuid4

import httpx

from evals.attack.calls import all_finished, finished, send_text, stored
from evals.attack.comparing import MOST_SHOWN, differences, response_differences
from evals.attack.finding import Finding, Probe, judge
from evals.attack.openapi import Operation, operations, sample
from evals.attack.seeding import paragraphs, random_for, words
from evals.attack.target import Target

READER, HIDDEN = "user:mallory", "group:board"
FOREIGN_TENANT = "foreign"

WORDS = 50
"""Half of them stand in documents that the reader may not see."""

REFERENCES = 10
"""Words that only the reader's own document has: what the others are divided by."""

HIDDEN_DOCUMENTS, HIDDEN_CHANGES = 30, 3
TOLD_APART = 0.01
"""A score that differs from that of a word nobody else has by more than a percent tells."""

STORING_SECONDS = 120.0
SETTLING_SECONDS = 3.0
"""Indexes follow every half second: asked before and after, both must tell nothing."""

MODES = ("lexical", "hybrid", "vector")


def hidden_words_move_no_number(target: Target) -> Finding:
    """Twin tenants, one with hidden documents: searches and answers over 50 words are equal."""
    random = random_for("oracle")
    made = words(random, WORDS + REFERENCES + 200)
    secret, filler = made[: WORDS + REFERENCES], made[WORDS + REFERENCES :]
    own = [
        ". ".join(secret),
        *(paragraphs(random, filler, 3) for _ in range(5)),
    ]
    hidden = [
        paragraphs(random, [*secret[: WORDS // 2], *filler[:20]], 4)
        for _ in range(HIDDEN_DOCUMENTS)
    ]
    with ExitStack() as stack:
        twins = [
            stack.enter_context(target.caller(READER, tenant=tenant))
            for tenant in ("twin-bare", "twin-hidden")
        ]
        for twin in twins:
            for text in own:
                stored(twin, text, principals=[READER])
        with target.caller(HIDDEN, tenant="twin-hidden") as board:
            sent = [send_text(board, text, principals=[HIDDEN]) for text in hidden]
            jobs = [each["job"] for each in sent]
            all_finished(board, jobs, within_seconds=STORING_SECONDS)

        early = _differing_searches(twins, secret[:WORDS:5])
        sleep(SETTLING_SECONDS)
        late = _differing_searches(twins, secret[:WORDS])
        told = told_apart(twins[0], twins[1], secret)
        answered = []
        for word in secret[:5]:
            question = f"What is the {word} of the {filler[0]}?"
            body = {"question": question, "include_retrieved": True}
            one, other = (twin.post("/v1/answers", json=body).json() for twin in twins)
            # Sources have random ids in each answer, which citations and claims repeat.
            besides = frozenset({"generation", "citations"})
            answered += differences(one, other, besides=besides)
        milliseconds = [_search_milliseconds(twin, filler[:40]) for twin in twins]
    return judge(
        {
            "words_told_apart": told,
            "differing_numbers": len(early) + len(late),
            "differing_in_answers": len(answered),
        },
        {"words_told_apart": 0, "differing_numbers": 0, "differing_in_answers": 0},
        also={
            "words": WORDS,
            "first_differences": [*early, *late, *answered][:MOST_SHOWN],
            "search_p50_milliseconds_bare_and_hidden": milliseconds,
        },
    )


def hidden_changes_move_the_generation(target: Target) -> Finding:
    """The generation that a caller is shown stays while hidden documents change."""
    with target.caller(READER) as reader, target.caller(HIDDEN) as board:
        stored(reader, "The canteen opens at noon.", principals=[READER])
        before = reader.post("/v1/search", json={"query": "canteen"}).raise_for_status()
        for number in range(HIDDEN_CHANGES):
            stored(board, f"Hidden decision {number}.", principals=[HIDDEN])
        after = reader.post("/v1/search", json={"query": "canteen"}).raise_for_status()
    moved = after.json()["generation"] - before.json()["generation"]
    return judge({"moved_by": moved}, {"moved_by": 0}, also={"hidden_changes": HIDDEN_CHANGES})


def chunk_ids_count_other_chunks(target: Target) -> Finding:
    """The step in the chunk ids shown to a caller while another tenant stores documents."""
    with (
        target.caller(READER) as reader,
        target.caller(HIDDEN, tenant=FOREIGN_TENANT) as elsewhere,
    ):
        first = stored(reader, "The first canteen.", principals=[READER])
        for number in range(HIDDEN_CHANGES):
            stored(elsewhere, f"Elsewhere {number}.")
        second = stored(reader, "The second canteen.", principals=[READER])
        pages = [reader.get(f"/v1/documents/{each}/chunks") for each in (first, second)]
    before, after = (page.raise_for_status().json()["data"][0]["chunk_id"] for page in pages)
    moved = after - before - 1
    return Finding(
        limit="0 unless the threat model names it",
        has_held=True if moved == 0 else None,
        figures={"chunks_elsewhere": HIDDEN_CHANGES, "moved_by": moved},
    )


def foreign_ids_look_like_no_ids(target: Target) -> Finding:
    """On each route of the OpenAPI document a hidden or foreign id gets what a random one gets."""
    random_ids = {name: str(uuid4()) for name in ("document_id", "job_id", "answer_id")}
    with ExitStack() as stack:
        caller = stack.enter_context(target.caller(READER))
        board = stack.enter_context(target.caller(HIDDEN))
        elsewhere = stack.enter_context(target.caller(HIDDEN, tenant=FOREIGN_TENANT))
        hidden_ids = _owned_ids(board, [HIDDEN])
        foreign_ids = _owned_ids(elsewhere, ["tenant:*"])
        before = board.get(f"/v1/documents/{hidden_ids['document_id']}").json()
        routes = [each for each in operations(target) if each.path_names]
        faults, not_found = [], 0
        for route in routes:
            expected = _call(caller, route, random_ids)
            not_found += expected.status_code == httpx.codes.NOT_FOUND
            for kind, ids in (("hidden", hidden_ids), ("foreign", foreign_ids)):
                places = response_differences(expected, _call(caller, route, ids))
                faults += [f"{route.name}, {kind}: {place}" for place in places]
        after = board.get(f"/v1/documents/{hidden_ids['document_id']}").json()
        faults += [f"changed: {place}" for place in differences(before, after)]
    return judge(
        {},
        {},
        also={"routes": len(routes), "routes_that_said_404": not_found},
        faults=faults,
    )


def foreign_ids_in_bodies(target: Target) -> Finding:
    """Superseding a hidden or foreign document gets what superseding a random id gets."""
    with (
        target.caller(READER) as caller,
        target.caller(HIDDEN) as board,
        target.caller(HIDDEN, tenant=FOREIGN_TENANT) as elsewhere,
    ):
        known = [
            str(uuid4()),
            stored(board, "Hidden and superseded.", principals=[HIDDEN]),
            stored(elsewhere, "Foreign and superseded."),
        ]
        responses = [
            caller.post("/v1/documents", json={"text": f"Newer {number}.", "supersedes": each})
            for number, each in enumerate(known)
        ]
    # Two uploads differ in what was uploaded.
    faults = [
        place
        for other in responses[1:]
        for place in response_differences(responses[0], other)
        if "sha256" not in place and "size_bytes" not in place
    ]
    return judge({}, {}, faults=faults)


def _differing_searches(twins: Sequence[httpx.Client], searched: Sequence[str]) -> list[str]:
    """The places where searches of the two differ."""
    places = []
    for word in searched:
        for mode in MODES:
            body = {"query": word, "mode": mode, "explain": True}
            one, other = (twin.post("/v1/search", json=body).json() for twin in twins)
            found = differences(one, other, besides=frozenset({"generation"}))
            places += [f"{mode} {place}" for place in found]
    return places


def told_apart(bare: httpx.Client, hidden: httpx.Client, secret: Sequence[str]) -> int:
    """The number of words that their score in the reader's own document gives away.

    A score depends on the length of its chunk too, which the reader knows: the bare tenant's score
    stands for that.
    """
    ratio = {}
    for word in secret:
        body = {"query": word, "mode": "lexical", "top_k": 1}
        responses = [client.post("/v1/search", json=body) for client in (bare, hidden)]
        hits = [each.raise_for_status().json()["data"][0] for each in responses]
        of_bare, of_hidden = (float(hit["scores"]["bm25"]) for hit in hits)
        ratio[word] = of_hidden / of_bare
    usual = median(ratio[word] for word in secret[WORDS:])
    return sum(abs(ratio[word] / usual - 1) > TOLD_APART for word in secret[:WORDS])


def _search_milliseconds(client: httpx.Client, searched: Sequence[str]) -> float:
    """The median: what remains of a channel in time."""
    taken = []
    for word in searched:
        started = perf_counter()
        client.post("/v1/search", json={"query": word}).raise_for_status()
        taken.append((perf_counter() - started) * 1000)
    return round(median(taken), 1)


def _owned_ids(client: httpx.Client, principals: list[str]) -> Mapping[str, str]:
    """Ids of a document, its job, and an answer from it."""
    sent = send_text(client, "The reserve is 40 million euros.", principals=principals)
    finished(client, sent["job"])
    answer = client.post("/v1/answers", json={"question": "How large is the reserve?"})
    return {
        "document_id": sent["document"],
        "job_id": sent["job"],
        "answer_id": answer.raise_for_status().json()["id"],
    }


def _call(client: httpx.Client, route: Operation, ids: Mapping[str, str]) -> httpx.Response:
    """The route with these ids; one of another kind gets the document's."""
    values = {name: ids.get(name, ids["document_id"]) for name in route.path_names}
    body = None if route.body is None else sample(route.body)
    return client.request(route.method, route.filled_path(values), json=body)


PROBES: tuple[Probe, ...] = (
    hidden_words_move_no_number,
    hidden_changes_move_the_generation,
    chunk_ids_count_other_chunks,
    foreign_ids_look_like_no_ids,
    foreign_ids_in_bodies,
)
