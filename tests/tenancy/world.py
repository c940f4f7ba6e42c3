"""Two tenants with the same documents, and in the first one a secret of its HR department."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import httpx
from typing_extensions import override

from kb.ids import DocumentId, TenantId
from kb.store.jobs import latest_job
from tests.service import EVERY_SCOPE, Person, Service
from tests.tenancy.names import Names, fresh_names

ANA, HR = "user:ana", "group:hr"

DOCUMENTS: Mapping[str, tuple[str, list[str]]] = {
    "handbook": (
        "# Travel\n\nThe travel desk books trains. The daily allowance is 61 euros.",
        ["tenant:*"],
    ),
    "review": ("# Review\n\nAna meets the travel desk for her review on 14 May.", [ANA]),
    "salaries": ("# Salaries\n\nThe travel desk is paid 52000 euros a year.", [HR]),
}
"""What both tenants have: text and principals by file name. Each is one chunk."""

QUERY = "travel desk"
"""Stands in every document."""


@dataclass(frozen=True, kw_only=True)
class Gateway(Person):
    """An application that asks for somebody else."""

    acting_as: str

    @override
    async def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **arguments: object
    ) -> httpx.Response:
        acting = {"Footnote-Principals": self.acting_as, **(headers or {})}
        return await super().request(method, path, headers=acting, **arguments)


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A tenant with ids of its documents, by file name."""

    service: Service
    id: TenantId
    documents: Mapping[str, str]

    async def ana(self) -> Person:
        """An employee, with a key nobody has used."""
        return await self.service.person(self.id, ANA)

    async def hr(self) -> Person:
        """Somebody of HR, with a key nobody has used."""
        return await self.service.person(self.id, HR)

    async def gateway(self, acting_as: str) -> Person:
        """An application acting for somebody, with a key nobody has used."""
        person = await self.service.person(self.id, HR, scopes=(*EVERY_SCOPE, "act_as"))
        return Gateway(service=self.service, tenant_id=self.id, key=person.key, acting_as=acting_as)

    async def everybody(self) -> Person:
        """Somebody who may read all that the tenants' documents say."""
        return await self.service.person(self.id, ANA, HR)


@dataclass(frozen=True, kw_only=True)
class World:
    """`secret` is readable by HR of tenant one; `shared` is tenant one's handbook, by its ids."""

    one: Tenant
    two: Tenant
    hr: Person
    secret: Names
    shared: Names


async def build_world(service: Service) -> World:
    """Seven documents, ingested, and two answers."""
    one, two = await _furnished(service), await _furnished(service)
    hr, ana = await one.hr(), await one.ana()
    secret = await upload_secret(hr)
    shared = replace(
        fresh_names(),
        document=one.documents["handbook"],
        job=await _job_of(one, one.documents["handbook"]),
        answer=await _asked(ana, "What is the daily allowance?"),
    )
    return World(one=one, two=two, hr=hr, secret=secret, shared=shared)


async def upload_secret(hr: Person, *, is_ingested: bool = True) -> Names:
    """The names of a new document that only HR may read; not ingested, nothing can be found."""
    names = fresh_names()
    response = await hr.post_file(
        names.text,
        names.filename,
        external_id=names.external_id,
        collection=names.collection,
        title=names.title,
        source_uri=names.source_uri,
        metadata={"secret": names.metadata},
        principals=[HR, names.principal],
        language="eo",
        expires_at="2199-01-01T00:00:00Z",
    )
    assert response.status_code == 202, response.text
    body = response.json()
    names = replace(names, document=body["document"]["id"], job=body["job"]["id"])
    # On the web: nothing is asked before it is synchronised.
    source = {
        "name": names.source,
        "uri": names.source_uri,
        "principals": [names.principal],
        "cron": "0 2 * * *",
    }
    added = await hr.request("POST", "/v1/sources", json=source)
    assert added.status_code == 201, added.text
    if not is_ingested:
        return names
    await hr.service.run_job(hr.tenant_id, names.job)
    answer = await _asked(hr, f"When is the {names.word} bonus paid?")
    feedback = {"rating": -1, "comment": f"The {names.word} bonus is not right."}
    await hr.request("POST", f"/v1/answers/{answer}/feedback", json=feedback)
    return replace(names, answer=answer)


async def _furnished(service: Service) -> Tenant:
    tenant = Tenant(service=service, id=await service.new_tenant(), documents={})
    uploader = await tenant.everybody()
    documents = {
        name: await uploader.upload(text, f"{name}.md", principals=principals)
        for name, (text, principals) in DOCUMENTS.items()
    }
    return replace(tenant, documents=documents)


async def _asked(person: Person, question: str) -> str:
    """The id of an answer, which came as a stream."""
    response = await person.ask(question, stream=True)
    *_, last = [line for line in response.text.splitlines() if line.startswith("data: ")]
    answer = json.loads(last.removeprefix("data: "))
    assert answer.get("citations"), response.text
    return str(answer["id"])


async def _job_of(tenant: Tenant, document_id: str) -> str:
    database = tenant.service.resources.database
    async with database.tenant(tenant.id, viewer=None) as scope:
        job = await latest_job(scope, DocumentId(UUID(document_id)))
    assert job is not None
    return str(job.id)
