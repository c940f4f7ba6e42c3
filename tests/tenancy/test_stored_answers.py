"""A stored answer is for those who could get it today."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import httpx
import pytest

from app.http.main import build_app
from app.resources import Resources
from tests.fakes.gateways import one_model, running_gateway
from tests.fakes.language_model import LyingLanguageModel, lying_language_model
from tests.service import Person, Service
from tests.tenancy.world import ANA, HR

QUESTION = "How many days of leave does everyone have?"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An answer that ana and HR got, and the document that it quotes."""

    service: Service
    ana: Person
    hr: Person
    document_id: str
    answer_id: str

    async def status_for(self, person: Person) -> int:
        """How the stored answer is shown to somebody."""
        response = await person.request("GET", f"/v1/answers/{self.answer_id}")
        if response.status_code == 404:
            assert response.json()["code"] == "answer_not_found"
        return response.status_code


@pytest.fixture
async def asked(service: Service) -> Asked:
    tenant_id = await service.new_tenant()
    ana = await service.person(tenant_id, ANA)
    hr = await service.person(tenant_id, HR)
    document_id = await hr.upload(
        "Everyone has 31 days of leave.", external_id="leave", principals=[ANA, HR]
    )
    answer = (await ana.ask(QUESTION)).json()
    assert [citation["document_id"] for citation in answer["citations"]] == [document_id]
    return Asked(service=service, ana=ana, hr=hr, document_id=document_id, answer_id=answer["id"])


async def test_the_asker_gets_it_back_as_it_was(asked: Asked) -> None:
    first = (await asked.ana.ask(QUESTION)).json()

    again = (await asked.ana.request("GET", f"/v1/answers/{first['id']}")).json()

    assert again == first


async def test_a_second_key_of_the_asker_gets_it_too(asked: Asked) -> None:
    assert await asked.status_for(await asked.service.person(asked.ana.tenant_id, ANA)) == 200


async def test_who_has_more_principals_gets_it_too(asked: Asked) -> None:
    both = await asked.service.person(asked.ana.tenant_id, ANA, HR)

    assert await asked.status_for(both) == 200


async def test_who_has_fewer_principals_does_not_get_it(asked: Asked) -> None:
    nobody = await asked.service.person(asked.ana.tenant_id)

    assert await asked.status_for(asked.hr) == 404
    assert await asked.status_for(nobody) == 404


async def test_who_lost_a_principal_does_not_get_it_although_the_document_is_theirs(
    asked: Asked,
) -> None:
    both = await asked.service.person(asked.ana.tenant_id, ANA, HR)
    answer_id = (await both.ask(QUESTION)).json()["id"]

    response = await asked.ana.request("GET", f"/v1/answers/{answer_id}")

    assert response.status_code == 404


async def test_it_is_gone_while_a_quoted_document_is_not_readable(asked: Asked) -> None:
    path = f"/v1/documents/{asked.document_id}"

    await asked.hr.request("PATCH", path, json={"principals": [HR]})
    assert await asked.status_for(asked.ana) == 404

    await asked.hr.request("PATCH", path, json={"principals": [HR, ANA]})
    assert await asked.status_for(asked.ana) == 200


async def test_it_is_gone_with_a_quoted_document(asked: Asked) -> None:
    await asked.hr.request("DELETE", f"/v1/documents/{asked.document_id}")

    assert await asked.status_for(asked.ana) == 404


async def test_it_stays_when_the_document_gets_a_new_version(asked: Asked) -> None:
    await asked.hr.upload(
        "Everyone has 32 days of leave.", external_id="leave", principals=[ANA, HR]
    )

    assert await asked.status_for(asked.ana) == 200


async def test_a_repeated_question_is_not_answered_from_what_was_taken_away(asked: Asked) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"question": QUESTION}
    first = await asked.ana.request("POST", "/v1/answers", headers, json=body)
    assert first.json()["citations"]

    await asked.hr.request("DELETE", f"/v1/documents/{asked.document_id}")

    again = await asked.ana.request("POST", "/v1/answers", headers, json=body)
    assert again.status_code == 404
    assert "31 days" not in again.text


@pytest.mark.parametrize("include", [True, False])
async def test_what_was_only_retrieved_counts_when_it_is_shown(
    service: Service, *, include: bool
) -> None:
    tenant_id = await service.new_tenant()
    ana = await service.person(tenant_id, ANA)
    await ana.upload("Everyone has 31 days of leave.")
    beside = await ana.upload("The kitchen is closed on days of inventory.")
    answer = (await ana.ask(QUESTION, include_retrieved=include)).json()
    assert beside not in {citation["document_id"] for citation in answer["citations"]}

    await ana.request("DELETE", f"/v1/documents/{beside}")

    again = await ana.request("GET", f"/v1/answers/{answer['id']}")
    assert again.status_code == (404 if include else 200)


@pytest.fixture
def liar() -> object:
    """A language model that makes things up and quotes nothing that is there."""
    with lying_language_model("fabricated") as server:
        yield server


@pytest.fixture
async def gullible(service: Service, liar: LyingLanguageModel) -> AsyncIterator[Service]:
    """The service with that language model, in this process."""
    database = service.resources.database
    async with running_gateway(one_model(liar.base_url), database) as gateway:
        resources: Resources = replace(
            service.resources,
            answerer=replace(service.resources.answerer, gateway=gateway),
        )
        transport = httpx.ASGITransport(build_app(resources))
        async with httpx.AsyncClient(transport=transport, base_url="http://in-process") as http:
            yield Service(http=http, resources=resources, ingestion=service.ingestion)


async def test_a_removed_claim_is_gone_with_the_document_it_was_made_from(
    gullible: Service,
) -> None:
    ana = await gullible.person(await gullible.new_tenant(), ANA)
    document_id = await ana.upload("Everyone has 31 days of leave.")
    answer = (await ana.ask(QUESTION)).json()
    assert (answer["status"], answer["citations"]) == ("unsupported", [])
    record = (await ana.request("GET", f"/v1/answers/{answer['id']}")).json()
    assert "dollars" in record["claims"][0]["text"]

    await ana.request("DELETE", f"/v1/documents/{document_id}")

    again = await ana.request("GET", f"/v1/answers/{answer['id']}")
    assert "dollars" not in again.text
    assert again.status_code == 404
