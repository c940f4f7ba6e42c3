"""Every route with a credential: the scope it needs, and requests that name something."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import httpx

from app.http.api_page import ASSETS
from app.http.paging import cursor_after
from kb.store.choices import Scope
from tests.service import Person
from tests.tenancy.names import Names
from tests.tenancy.world import QUERY

Send = Callable[[Person, Names], Awaitable[httpx.Response]]
Arguments = Callable[[Names], Mapping[str, object]]

UPLOADED_FOR_NOBODY = ["user:nobody"]
"""What a probe uploads is seen by its uploader only, so that probes do not disturb each other."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A request that names something."""

    name: str
    send: Send
    is_telling: bool = True
    """Those who may see the thing get another response than for a thing that does not exist."""


@dataclass(frozen=True, kw_only=True)
class RouteCase:
    """How a route is called; one of the scopes is enough, the first probe is ordinary."""

    scopes: tuple[Scope, ...]
    probes: tuple[Probe, ...]
    is_changing: bool = False
    is_for_admins: bool = False
    """What it names belongs to the tenant: every admin of the tenant may see it."""


OPERATION = frozenset(
    {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/docs/errors"),
        *(("GET", f"/docs/{name}") for name in ASSETS),
    }
)
"""What needs no credential, because it shows nothing of any tenant."""


def filled_path(path: str, names: Names) -> str:
    """The route's path with what is named in the place of its parameters."""
    return path.format(
        document_id=names.document,
        job_id=names.job,
        run_id=names.job,
        answer_id=names.answer,
        webhook_id=names.document,
        delivery_id=names.document,
        model_id=f"footnote/{names.collection}",
        name=names.source if "/sources/" in path else names.collection,
    )


def _nothing_more(_names: Names) -> Mapping[str, object]:
    return {}


def _probe(
    method: str,
    path: str,
    name: str,
    arguments: Arguments = _nothing_more,
    *,
    headers: Mapping[str, str] | None = None,
    is_telling: bool = True,
) -> Probe:
    async def send(person: Person, names: Names) -> httpx.Response:
        return await person.request(method, filled_path(path, names), headers, **arguments(names))

    return Probe(name=name, send=send, is_telling=is_telling)


def _upload(**fields: object) -> Mapping[str, object]:
    return {"json": {"text": "A note.", "principals": UPLOADED_FOR_NOBODY, **fields}}


async def _upload_form(person: Person, names: Names) -> httpx.Response:
    return await person.post_file(
        names.text,
        names.filename,
        external_id=names.external_id,
        collection=names.collection,
        title=names.title,
        source_uri=names.source_uri,
        metadata={"secret": names.metadata},
        principals=UPLOADED_FOR_NOBODY,
    )


def _search(query: str, **body: object) -> Mapping[str, object]:
    return {"json": {"query": query, "top_k": 100, "explain": True, **body}}


def _searches(mode: str) -> tuple[Probe, ...]:
    return (
        _probe(
            "POST",
            "/v1/search",
            f"{mode} by collection",
            lambda n: _search(QUERY, mode=mode, collections=[n.collection]),
        ),
        _probe(
            "POST",
            "/v1/search",
            f"{mode} by collection in a filter",
            lambda n: _search(QUERY, mode=mode, filter={"collection": n.collection}),
        ),
        _probe(
            "POST",
            "/v1/search",
            f"{mode} by metadata",
            lambda n: _search(QUERY, mode=mode, filter=_by_metadata(n)),
        ),
    )


def _ask(**body: object) -> Mapping[str, object]:
    return {"json": {"question": "When is it paid?", "include_retrieved": True, **body}}


def _chat(collection: str) -> Mapping[str, object]:
    messages = [{"role": "user", "content": "When is it paid?"}]
    return {"json": {"model": f"footnote/{collection}", "messages": messages}}


def _by_metadata(names: Names) -> dict[str, object]:
    return {"metadata.secret": names.metadata}


def _next_page(_names: Names) -> Mapping[str, object]:
    return {"params": {"cursor": cursor_after(1)}}


ONE = "/v1/documents/{document_id}"
RETRY = "/v1/jobs/{job_id}:retry"
CANCEL = "/v1/jobs/{job_id}:cancel"
FEEDBACK = "/v1/answers/{answer_id}/feedback"

UPLOADING = RouteCase(
    scopes=("documents:write",),
    is_changing=True,
    probes=(
        _probe("POST", "/v1/documents", "no name", lambda _: _upload(), is_telling=False),
        _probe("POST", "/v1/documents", "successor", lambda n: _upload(supersedes=n.document)),
        _probe(
            "POST",
            "/v1/documents",
            "create",
            lambda n: _upload(external_id=n.external_id, collection=n.collection, mode="create"),
        ),
        _probe(
            "POST",
            "/v1/documents",
            "same text",
            lambda n: _upload(text=n.text),
            is_telling=False,
        ),
        Probe(name="upsert of a file", send=_upload_form),
    ),
)

BATCH = "/v1/documents:batch"


def _batch(**fields: object) -> Mapping[str, object]:
    return {"json": {"items": [_upload(**fields)["json"]]}}


BATCHING = RouteCase(
    scopes=("documents:write",),
    is_changing=True,
    probes=(
        _probe("POST", BATCH, "no name", lambda _: _batch(), is_telling=False),
        _probe("POST", BATCH, "successor", lambda n: _batch(supersedes=n.document)),
        _probe(
            "POST",
            BATCH,
            "create",
            lambda n: _batch(external_id=n.external_id, collection=n.collection, mode="create"),
        ),
        _probe("POST", BATCH, "same text", lambda n: _batch(text=n.text), is_telling=False),
    ),
)

LISTING = RouteCase(
    scopes=("documents:read",),
    probes=(
        _probe("GET", "/v1/documents", "all", is_telling=False),
        _probe(
            "GET",
            "/v1/documents",
            "by collection",
            lambda n: {"params": {"collection": n.collection}},
        ),
        _probe(
            "GET",
            "/v1/documents",
            "by external id",
            lambda n: {"params": {"external_id": n.external_id}},
        ),
        _probe(
            "GET",
            "/v1/documents",
            "by metadata",
            lambda n: {"params": {"filter": f'{{"metadata.secret": "{n.metadata}"}}'}},
        ),
        _probe(
            "GET",
            "/v1/documents",
            "by collection in a filter",
            lambda n: {"params": {"filter": f'{{"collection": "{n.collection}"}}'}},
        ),
        _probe(
            "GET",
            "/v1/documents",
            "behind a cursor",
            lambda n: {"params": {"cursor": cursor_after(UUID(n.document)), "limit": 1}},
            is_telling=False,
        ),
    ),
)

SEARCHING = RouteCase(
    scopes=("search",),
    probes=(
        *_searches("hybrid"),
        *_searches("lexical"),
        *_searches("vector"),
        _probe("POST", "/v1/search", "word", lambda n: _search(n.word, mode="lexical")),
        _probe("POST", "/v1/search", "title", lambda n: _search(n.title, mode="lexical")),
        _probe(
            "POST",
            "/v1/search",
            "word among others",
            lambda n: _search(f"{QUERY} {n.word}", mode="lexical"),
        ),
    ),
)

ASKING = RouteCase(
    scopes=("answers",),
    probes=(
        _probe("POST", "/v1/answers", "collection", lambda n: _ask(collections=[n.collection])),
        _probe("POST", "/v1/answers", "metadata", lambda n: _ask(filter=_by_metadata(n))),
    ),
)

CONTENT = RouteCase(
    scopes=("documents:read",),
    probes=(
        _probe("GET", f"{ONE}/content", "text"),
        _probe("GET", f"{ONE}/content", "bytes", lambda _: {"params": {"original": "true"}}),
        _probe("GET", f"{ONE}/content", "version", lambda _: {"params": {"version": 1}}),
        _probe("GET", f"{ONE}/content", "no such version", lambda _: {"params": {"version": 99}}),
    ),
)

PATCHING = RouteCase(
    scopes=("documents:write",),
    is_changing=True,
    probes=(
        _probe("PATCH", ONE, "title", lambda _: {"json": {"title": "Mine"}}),
        _probe("PATCH", ONE, "principals", lambda _: {"json": {"principals": ["user:ana"]}}),
        _probe(
            "PATCH",
            ONE,
            "any revision",
            lambda _: {"json": {"title": "Mine"}},
            headers={"If-Match": "*"},
        ),
        _probe(
            "PATCH",
            ONE,
            "wrong revision",
            lambda _: {"json": {"title": "Mine"}},
            headers={"If-Match": '"99"'},
        ),
        _probe(
            "PATCH", ONE, "malformed", lambda _: {"json": {"principals": ["x"]}}, is_telling=False
        ),
        _probe("PATCH", ONE, "nothing", lambda _: {"json": {}}),
    ),
)

SOURCE = "/v1/sources/{name}"
SERVERS_DISK = {"json": {"name": "disk", "uri": "file:///etc", "principals": ["tenant:*"]}}


def _for_admins(*probes: Probe, is_changing: bool = False) -> RouteCase:
    return RouteCase(scopes=("admin",), probes=probes, is_changing=is_changing, is_for_admins=True)


HOOK = "/v1/webhooks/{webhook_id}"


def _webhook_route(method: str, path: str, **body: object) -> RouteCase:
    """Webhooks are the tenant's: test_webhooks_of_others.py asks for those of another tenant."""
    arguments = {"json": body} if method in {"POST", "PATCH"} and body else {}
    probe = _probe(method, path, "id", lambda _: arguments, is_telling=False)
    return RouteCase(scopes=("admin",), probes=(probe,))


WEBHOOKS = {
    ("POST", "/v1/webhooks"): _webhook_route(
        "POST",
        "/v1/webhooks",
        url="https://8.8.8.8",
        events=["job.finished"],
        secret=f"whsec_{'A' * 32}",
    ),
    ("GET", "/v1/webhooks"): _webhook_route("GET", "/v1/webhooks"),
    ("GET", HOOK): _webhook_route("GET", HOOK),
    ("PATCH", HOOK): _webhook_route("PATCH", HOOK, enabled=False),
    ("DELETE", HOOK): _webhook_route("DELETE", HOOK),
    ("POST", f"{HOOK}:rotate"): _webhook_route("POST", f"{HOOK}:rotate", overlap_seconds=0),
    ("POST", f"{HOOK}:test"): _webhook_route("POST", f"{HOOK}:test"),
    ("GET", f"{HOOK}/deliveries"): _webhook_route("GET", f"{HOOK}/deliveries"),
    ("POST", f"{HOOK}/deliveries/{{delivery_id}}:retry"): _webhook_route(
        "POST", f"{HOOK}/deliveries/{{delivery_id}}:retry"
    ),
}

ROUTES: Mapping[tuple[str, str], RouteCase] = {
    ("POST", "/v1/documents"): UPLOADING,
    ("POST", BATCH): BATCHING,
    ("GET", "/v1/documents"): LISTING,
    ("GET", ONE): RouteCase(scopes=("documents:read",), probes=(_probe("GET", ONE, "id"),)),
    ("GET", f"{ONE}/versions"): RouteCase(
        scopes=("documents:read",),
        probes=(
            _probe("GET", f"{ONE}/versions", "id"),
            _probe("GET", f"{ONE}/versions", "next page", _next_page),
        ),
    ),
    ("GET", f"{ONE}/content"): CONTENT,
    ("GET", f"{ONE}/chunks"): RouteCase(
        scopes=("documents:read",),
        probes=(
            _probe("GET", f"{ONE}/chunks", "id"),
            _probe("GET", f"{ONE}/chunks", "next page", _next_page),
        ),
    ),
    ("PATCH", ONE): PATCHING,
    ("DELETE", ONE): RouteCase(
        scopes=("documents:write",), is_changing=True, probes=(_probe("DELETE", ONE, "id"),)
    ),
    ("GET", f"{ONE}/receipt"): RouteCase(
        scopes=("documents:write", "admin"),
        probes=(_probe("GET", f"{ONE}/receipt", "id", is_telling=False),),
    ),
    ("GET", "/v1/receipts/keys"): RouteCase(
        scopes=("documents:write", "admin"),
        probes=(_probe("GET", "/v1/receipts/keys", "all", is_telling=False),),
    ),
    ("GET", "/v1/collections/{name}"): RouteCase(
        scopes=("admin",),
        probes=(_probe("GET", "/v1/collections/{name}", "name", is_telling=False),),
    ),
    ("PATCH", "/v1/collections/{name}"): RouteCase(
        scopes=("admin",),
        is_changing=True,
        probes=(
            _probe(
                "PATCH",
                "/v1/collections/{name}",
                "name",
                lambda _: {"json": {"retention_days": None}},
                is_telling=False,
            ),
        ),
    ),
    ("GET", "/v1/jobs/{job_id}"): RouteCase(
        scopes=("documents:read", "documents:write"),
        probes=(
            _probe("GET", "/v1/jobs/{job_id}", "id"),
            _probe("GET", "/v1/jobs/{job_id}", "wait", lambda _: {"params": {"wait": 5}}),
        ),
    ),
    ("GET", "/v1/jobs"): RouteCase(
        scopes=("documents:read", "documents:write"),
        probes=(
            _probe("GET", "/v1/jobs", "all", is_telling=False),
            _probe(
                "GET",
                "/v1/jobs",
                "behind a cursor",
                lambda n: {"params": {"cursor": cursor_after(UUID(n.job)), "limit": 1}},
                is_telling=False,
            ),
        ),
    ),
    ("POST", RETRY): RouteCase(
        scopes=("documents:write",), is_changing=True, probes=(_probe("POST", RETRY, "id"),)
    ),
    ("POST", CANCEL): RouteCase(
        scopes=("documents:write",), is_changing=True, probes=(_probe("POST", CANCEL, "id"),)
    ),
    ("POST", "/v1/reindex"): RouteCase(
        scopes=("admin",),
        is_changing=True,
        probes=(
            _probe("POST", "/v1/reindex", "all", lambda _: {"json": {}}, is_telling=False),
            _probe(
                "POST",
                "/v1/reindex",
                "collection",
                lambda n: {"json": {"collection": n.collection}},
                is_telling=False,
            ),
            _probe(
                "POST",
                "/v1/reindex",
                "source",
                lambda n: {"json": {"source": n.word}},
                is_telling=False,
            ),
        ),
    ),
    ("GET", "/v1/reindex/runs"): RouteCase(
        scopes=("admin",),
        probes=(
            _probe(
                "GET",
                "/v1/reindex/runs",
                "behind a cursor",
                lambda n: {"params": {"cursor": cursor_after(UUID(n.job)), "limit": 1}},
                is_telling=False,
            ),
        ),
    ),
    ("GET", "/v1/reindex/runs/{run_id}"): RouteCase(
        scopes=("admin",),
        # tests/app/http/reindex has runs that others begin.
        probes=(_probe("GET", "/v1/reindex/runs/{run_id}", "id", is_telling=False),),
    ),
    ("POST", "/v1/sources"): _for_admins(
        _probe("POST", "/v1/sources", "server's disk", lambda _: SERVERS_DISK, is_telling=False)
    ),
    ("GET", "/v1/sources"): _for_admins(_probe("GET", "/v1/sources", "all")),
    ("GET", SOURCE): _for_admins(_probe("GET", SOURCE, "name")),
    ("PATCH", SOURCE): _for_admins(
        _probe("PATCH", SOURCE, "readers", lambda _: {"json": {"principals": ["tenant:*"]}}),
        _probe("PATCH", SOURCE, "nothing", lambda _: {"json": {}}),
        is_changing=True,
    ),
    ("DELETE", SOURCE): _for_admins(
        _probe("DELETE", SOURCE, "name"),
        _probe("DELETE", SOURCE, "documents", lambda _: {"params": {"delete_documents": "true"}}),
        is_changing=True,
    ),
    ("POST", f"{SOURCE}:sync"): _for_admins(
        _probe("POST", f"{SOURCE}:sync", "name"), is_changing=True
    ),
    ("POST", f"{SOURCE}:confirm"): _for_admins(
        _probe("POST", f"{SOURCE}:confirm", "name"), is_changing=True
    ),
    ("GET", "/v1/jobs/{job_id}/events"): RouteCase(
        scopes=("documents:read", "documents:write"),
        probes=(_probe("GET", "/v1/jobs/{job_id}/events", "id"),),
    ),
    **WEBHOOKS,
    ("POST", "/v1/search"): SEARCHING,
    ("POST", "/v1/answers"): ASKING,
    ("GET", "/v1/answers/{answer_id}"): RouteCase(
        scopes=("answers",),
        probes=(
            _probe("GET", "/v1/answers/{answer_id}", "id"),
            _probe(
                "GET",
                "/v1/answers/{answer_id}",
                "events",
                headers={"Accept": "text/event-stream"},
                is_telling=False,
            ),
        ),
    ),
    ("POST", FEEDBACK): RouteCase(
        scopes=("feedback",),
        is_changing=True,
        # A changing case's secret has no answer yet: tests/app/http/answers has those that rate it.
        probes=(
            _probe("POST", FEEDBACK, "id", lambda _: {"json": {"rating": 1}}, is_telling=False),
            _probe("POST", FEEDBACK, "malformed", lambda _: {"json": {}}, is_telling=False),
        ),
    ),
    ("POST", "/v1/grounding:check"): RouteCase(
        scopes=("answers",),
        probes=(
            _probe(
                "POST",
                "/v1/grounding:check",
                "text",
                lambda n: {"json": {"claims": [QUERY], "sources": [{"id": "1", "text": n.text}]}},
                is_telling=False,
            ),
        ),
    ),
    ("GET", "/v1/models"): RouteCase(
        scopes=("answers",), probes=(_probe("GET", "/v1/models", "all", is_telling=False),)
    ),
    ("GET", "/v1/models/{model_id}"): RouteCase(
        scopes=("answers",), probes=(_probe("GET", "/v1/models/{model_id}", "id"),)
    ),
    ("POST", "/v1/chat/completions"): RouteCase(
        scopes=("answers",),
        probes=(
            _probe("POST", "/v1/chat/completions", "collection", lambda n: _chat(n.collection)),
        ),
    ),
}

PROBES = [
    (f"{method} {path}: {probe.name}", case, probe)
    for (method, path), case in ROUTES.items()
    for probe in case.probes
]
"""All of them with a name for the test report."""
