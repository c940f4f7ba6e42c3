"""Documents over real HTTP."""

from tests.service import Service


async def test_an_uploaded_document_is_found_and_quoted(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")

    document_id = await ana.upload("# Leave\n\nEveryone has 31 days of annual leave.")

    found = (await ana.search("annual leave days")).json()
    assert [hit["document"]["id"] for hit in found["data"]] == [document_id]
    answer = (await ana.ask("How many days of annual leave does everyone have?")).json()
    assert answer["status"] == "answered"
    quote = answer["citations"][0]
    content = (await ana.request("GET", f"/v1/documents/{document_id}/content")).text
    location = quote["location"]
    assert quote["quote"] == content[location["char_start"] : location["char_end"]]
