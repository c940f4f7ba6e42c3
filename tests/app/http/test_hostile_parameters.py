"""Every parameter in a path, query string, header or form, with hostile values."""

from collections import defaultdict
from typing import Final
from urllib.parse import quote
from uuid import uuid4

import pytest

from app.http.documents.schemas import UploadFields
from tests.app.http.described import BODIES, TEXTS, Described, must_be_refused_properly
from tests.service import Person, Service


@pytest.fixture
async def ana(service: Service) -> Person:
    scopes = ("documents:write", "documents:read", "search", "answers", "admin", "act_as")
    return await service.person(await service.new_tenant(), scopes=scopes)


SENT_IN_ADDRESS: Final = (
    *("%00", "a%00b", "%ED%A0%80", "%FF", "%01%1F%7F", "%E2%80%AE", "", "NaN", "1e400", "-0"),
    *("9" * 400, "%7B%22a%22:1%7D", "[" * 5_000, "a" * 9_000, "%22%5Cud800%22", "true", "null"),
)


async def test_no_value_in_a_path_is_too_much(ana: Person, described: Described) -> None:
    for (method, path), name in described.parameters("path"):
        for value in SENT_IN_ADDRESS:
            response = await ana.request(method, path.replace(f"{{{name}}}", value))
            if response.status_code != 307:
                must_be_refused_properly(response, (path, value))


async def test_no_value_in_a_query_string_is_too_much(ana: Person, described: Described) -> None:
    for (method, path), name in described.parameters("query"):
        for value in SENT_IN_ADDRESS:
            filled = path.format_map(defaultdict(uuid4))
            response = await ana.request(method, f"{filled}?{quote(name)}={value}")
            must_be_refused_properly(response, (path, name, value))


SENT_IN_HEADER: Final = (
    *(b"", b"\xed\xa0\x80", b"\xff", b"\xe2\x80\xae", b"NaN", b"1e400", b"-0", b"9" * 400),
    *(b"a" * 9_000, b'"\\ud800"', b"user:\xe2\x80\xae", b",,,", b"a\tb"),
)


async def test_no_value_in_a_header_is_too_much(ana: Person, described: Described) -> None:
    for route, name in described.parameters("header"):
        method, path = route
        for value in SENT_IN_HEADER:
            response = await ana.service.http.request(
                method,
                path.format_map(defaultdict(uuid4, model_id="footnote/x")),
                headers=[
                    *(
                        []
                        if name == "authorization"
                        else [(b"Authorization", f"Bearer {ana.key}".encode())]
                    ),
                    (name.encode(), value),
                ],
                json=BODIES.get(route) if method in {"POST", "PATCH"} else None,
            )
            must_be_refused_properly(response, (route, name, value))


FORM_PLACES: Final = (*UploadFields.model_fields, "file", "filename", "name", "type", "field name")


@pytest.mark.parametrize("place", FORM_PLACES)
async def test_no_value_in_a_form_is_too_much(ana: Person, place: str) -> None:
    texts = [text.encode(errors="surrogatepass") for text in TEXTS]

    for value in [
        *texts,
        b"\xff",
        b"1e400",
        b"[" * 5_000,
        b"NaN",
        b'"\\u0000"',
        b'{"a":"\\ud800"}',
    ]:
        fields = {place: value} if place in UploadFields.model_fields else {}
        file = {"filename": b"a.txt", "type": b"text/plain", "name": b"file", "file": b"A note."}
        file |= {place: value} if place in file else {}
        field_name = value if place == "field name" else b"title"
        parts = [
            *[
                (b'form-data; name="%s"' % name.encode(), b"", text)
                for name, text in fields.items()
            ],
            *([(b'form-data; name="%s"' % field_name, b"", b"T")] if place == "field name" else []),
            (
                b'form-data; name="%s"; filename="%s"' % (file["name"], file["filename"]),
                b"\r\nContent-Type: " + file["type"],
                file["file"],
            ),
        ]
        body = b"".join(b"--x\r\nContent-Disposition: %s%s\r\n\r\n%s\r\n" % part for part in parts)
        response = await ana.request(
            "POST",
            "/v1/documents",
            {"Content-Type": "multipart/form-data; boundary=x"},
            content=body + b"--x--\r\n",
        )
        must_be_refused_properly(response, (place, value[:100]))
