"""Documents with the same bytes, deleted and uploaded at once."""

import asyncio

from tests.service import Service

ROUNDS = 12
"""Each ends one way or the other; without the lock one of the first few loses bytes."""


async def test_a_deletion_never_takes_the_bytes_of_an_identical_upload(service: Service) -> None:
    ana = await service.person(await service.new_tenant(), "user:ana")

    for number in range(ROUNDS):
        content = f"Round {number}: every employee has 31 days of annual leave."
        first = (await ana.post_file(content)).json()["document"]["id"]

        deleted, uploaded, also_uploaded = await asyncio.gather(
            ana.request("DELETE", f"/v1/documents/{first}"),
            ana.post_file(content),
            ana.post_file(content),
        )

        assert deleted.status_code == 200
        for response in (uploaded, also_uploaded):
            document_id = response.json()["document"]["id"]
            original = await ana.request(
                "GET", f"/v1/documents/{document_id}/content?original=true"
            )
            assert (original.status_code, original.text) == (200, content)
