"""Odd values in every place where a caller can put one: no 5xx, and errors with a code."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote

from evals.attack.calls import finished, send_text
from evals.attack.finding import Finding, Probe, judge
from evals.attack.openapi import SAMPLE_ID, Json, Operation, operations, sample
from evals.attack.target import Target

LONG = 1_000_000
TIMEOUT_SECONDS = 30.0
PROBLEM, JSON = "application/problem+json", "application/json"
OPENAI_DOORS = (b"/v1/chat/", b"/v1/models")
CLIENT_ERROR, SERVER_ERROR = 400, 500

REFUSED_BELOW_HTTP = frozenset({400, 408, 413, 414, 431})
"""The server's plain text for a request line or header that it cannot parse."""

RAW_JSON: Mapping[str, str] = {
    "NUL": r'"a\u0000b"',
    "lone surrogate": r'"a\ud800b"',
    "reversed surrogates": r'"\udc00\ud800"',
    "long": json.dumps("x" * LONG),
    "huge number": "9" * 400,
    "huge exponent": "1e400",
    "tiny exponent": "-1e-400",
    "beyond 64 bits": str(2**63),
    "not a number": "NaN",
    "infinity": "-Infinity",
    "null": "null",
    "number": "7",
    "boolean": "true",
    "empty text": '""',
    "empty list": "[]",
    "empty object": "{}",
    "text": '"x"',
    "list of all kinds": r'[null, 1, "a\u0000", [[]], {"": {}}]',
    "operator": r'{"$regex": ".*"}',
    "deep lists": "[" * 5_000 + "]" * 5_000,
    "deep objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "year 0": '"0000-00-00T00:00:00Z"',
    "odd times": '"9999-12-31T23:59:59.999999-23:59"',
    "control characters": r'"\u0001\u001f\u007f\u0085\u2028"',
    "right to left": r'"\u202e\u200b\ufeff"',
    "path": r'"..\/..\/etc\/passwd"',
    "quotes": r"\"'; DROP TABLE documents; --\"".replace('\\"', '"'),
}
"""As they stand in a body: a JSON library would refuse to write some of them."""

RAW_TEXTS: Mapping[str, bytes] = {
    "NUL": b"a\x00b",
    "lone surrogate": b"a\xed\xa0\x80b",
    "not UTF-8": b"\xff\xfe\xc3",
    "long": b"x" * LONG,
    "long and allowed": b"x" * 6_000,
    "huge number": b"9" * 400,
    "negative": b"-1",
    "not a number": b"NaN",
    "infinity": b"inf",
    "beyond 64 bits": str(2**63).encode(),
    "exponent": b"1e400",
    "empty": b"",
    "text": b"x",
    "control characters": b"\x01\x1f\x7f",
    "zero width": "\u200b\u202e".encode(),
    "other digits": "\u0661\u0662".encode(),
    "path": b"../../etc/passwd",
    "deep": b"[" * 5_000,
    "quotes": b"'\"; DROP TABLE documents; --",
}
"""For paths, queries, headers and fields of forms."""

BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"query": "\xff"}',
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"query": "x"}'.encode("utf-16"),
    "deep": b"[" * 100_000,
    "deep and closed": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "a name with NUL": rb'{"a\u0000": 1}',
    "a name that is half a character": rb'{"a\ud800": 1}',
    "a long name": b'{"' + b"x" * LONG + b'": 1}',
    "the same name twice": b'{"query": "a", "query": "b"}',
    "many names": json.dumps({f"n{number}": 1 for number in range(300_000)}).encode(),
    "too large": b'{"query": "' + b"x" * 6_000_000 + b'"}',
}


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One request, and what is odd in it."""

    what: str
    method: str
    path: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)
    body: bytes | None = None


def every_parameter_of_every_route(target: Target) -> Finding:
    """NUL, half characters, huge numbers, a megabyte, wrong kinds, depth, in every place."""
    with target.caller("user:fuzz") as client:
        note = send_text(client, "A note to be fuzzed.", principals=["user:fuzz"])
        finished(client, note["job"])
    # Ids of what exists, so that more than the first check is reached.
    ids = {"document_id": note["document"], "job_id": note["job"], "answer_id": SAMPLE_ID}
    sent, faults = Counter[str](), []
    for operation in operations(target):
        for shot in shots(operation, ids):
            fault = fire(target, shot)
            sent[operation.name] += 1
            if fault:
                faults.append(f"{operation.name}, {shot.what}: {fault}")
    if not target.is_up():
        faults.append("the service is down")
    return judge(
        {},
        {},
        also={"requests": sum(sent.values()), "routes": len(sent), "fault_count": len(faults)},
        faults=faults,
    )


def file_names_and_forms(target: Target) -> Finding:
    """The same in the file names, fields and boundaries of forms."""
    faults, count = [], 0
    for shot in form_shots():
        count += 1
        fault = fire(target, shot)
        if fault:
            faults.append(f"{shot.what}: {fault}")
    return judge({}, {}, also={"requests": count, "fault_count": len(faults)}, faults=faults)


def shots(operation: Operation, ids: Mapping[str, str]) -> Iterator[Shot]:
    """Each place of the operation with each odd value, everything else as it should be."""
    path = operation.filled_path(ids)
    body = None if operation.body is None else sample(operation.body)
    raw_body = None if body is None else json.dumps(body).encode()
    for parameter in operation.parameters:
        for kind, value in RAW_TEXTS.items():
            what = f"{parameter.place} {parameter.name}: {kind}"
            odd_path, headers = path.encode(), {}
            match parameter.place:
                case "path":
                    odd_path = operation.filled_path({**ids, parameter.name: quote(value)}).encode()
                case "query":
                    odd_path += f"?{quote(parameter.name)}={quote(value)}".encode()
                case _:
                    headers = {parameter.name: value.replace(b"\n", b" ")}
            yield Shot(
                what=what, method=operation.method, path=odd_path, headers=headers, body=raw_body
            )
    if operation.body is not None:
        for what, odd in odd_bodies(operation.body, body):
            yield Shot(what=what, method=operation.method, path=path.encode(), body=odd)


def odd_bodies(schema: Json, body: Json) -> Iterator[tuple[str, bytes]]:
    """Bodies that are none, and the sample with an odd value in each of the schema's fields."""
    yield from BODIES.items()
    for names in places(schema):
        for kind, raw in RAW_JSON.items():
            yield f"body {'.'.join(names)}: {kind}", _inserted(body, names, raw).encode()


def places(schema: Json, depth: int = 0) -> Iterator[tuple[str, ...]]:
    """The fields of an object and of the objects in it; of a list, its first element's."""
    for choice in schema.get("anyOf", []):
        yield from places(choice, depth)
    if schema.get("type") == "array":
        for inner in places(schema.get("items", {}), depth + 1):
            yield ("0", *inner)
    for name, inner_schema in schema.get("properties", {}).items():
        yield (name,)
        if depth < 2:  # noqa: PLR2004  # no request has more levels
            for inner in places(inner_schema, depth + 1):
                yield (name, *inner)


def form_shots() -> Iterator[Shot]:
    """Uploads with odd file names, fields and framing."""
    for kind, value in RAW_TEXTS.items():
        yield _form(f"file name: {kind}", name=value)
        yield _form(f"media type: {kind}", media_type=value)
        for each in (
            "title",
            "external_id",
            "collection",
            "metadata",
            "principals",
            "language",
            "source_uri",
            "effective_at",
            "supersedes",
            "mode",
            "unknown",
        ):
            yield _form(f"field {each}: {kind}", fields={each: value})
    for kind, raw in RAW_JSON.items():
        yield _form(f"metadata as JSON: {kind}", fields={"metadata": b'{"a": %b}' % raw.encode()})
        yield _form(f"principals as JSON: {kind}", fields={"principals": raw.encode()})
    yield _form("many fields", fields={f"n{number}": b"1" for number in range(5_000)})
    for content_type in (
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=" + b"x" * 5_000,
        b"multipart/form-data; boundary=\xff",
        b"multipart/mixed; boundary=b",
        b"application/json; charset=utf-7",
        b"text/plain",
        b"",
    ):
        yield Shot(
            what=f"content type {content_type[:40]!r}",
            method="POST",
            path=b"/v1/documents",
            headers={"Content-Type": content_type},
            body=b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nx\r\n--b--",
        )


def fire(target: Target, shot: Shot) -> str:
    """The response's fault; empty without one."""
    connection = HTTPConnection(*target.address, timeout=TIMEOUT_SECONDS)
    headers: dict[str, bytes] = {
        name: value.encode() for name, value in target.headers("user:fuzz").items()
    }
    headers |= {"Content-Type": b"application/json"} if shot.body is not None else {}
    headers |= shot.headers
    lines = [shot.method.encode() + b" " + shot.path + b" HTTP/1.1", b"Host: 127.0.0.1"]
    lines += [name.encode() + b": " + value for name, value in headers.items()]
    if shot.body is not None:
        lines.append(b"Content-Length: %d" % len(shot.body))
    try:
        # As it stands: the library's own checks are left out. It then thinks that it has sent a
        # request, and reads the response.
        connection.connect()
        connection.sock.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + (shot.body or b""))
        connection._HTTPConnection__state = "Request-sent"  # type: ignore[attr-defined]  # noqa: SLF001
        response = connection.getresponse()
        content = response.read()
    except (OSError, HTTPException) as error:
        # A header or a line of a megabyte may be cut off; nothing else may.
        return "" if _is_oversized(shot) else type(error).__name__
    finally:
        connection.close()
    media_type = (response.getheader("content-type") or "").partition(";")[0]
    return fault_of(shot, response.status, media_type, content)


def fault_of(shot: Shot, status: int, media_type: str, content: bytes) -> str:
    """A status from 500 on, or an error that is no problem with a code."""
    if status < CLIENT_ERROR:
        return ""
    if status >= SERVER_ERROR:
        return f"status {status}"
    is_openai = shot.path.startswith(OPENAI_DOORS)
    if media_type == PROBLEM or (media_type == JSON and is_openai):
        body = json.loads(content)
        return "" if body.get("error", body).get("code") else f"status {status} without a code"
    # No route is reached by a request whose own lines cannot be read.
    odd_bytes = (byte < 0x20 or byte == 0x7F for value in shot.headers.values() for byte in value)  # noqa: PLR2004
    is_malformed = _is_oversized(shot) or any(odd_bytes)
    return (
        ""
        if is_malformed and status in REFUSED_BELOW_HTTP
        else f"status {status} as {media_type!r}"
    )


def _is_oversized(shot: Shot) -> bool:
    return len(shot.path) > LONG / 2 or any(len(each) > LONG / 2 for each in shot.headers.values())


def _inserted(value: Json, names: tuple[str, ...], raw: str) -> str:
    """The JSON of the value with the raw one at that place, which is made when it is not there."""
    if not names:
        return raw
    first, rest = names[0], names[1:]
    if first == "0":
        return f"[{_inserted(value[0] if isinstance(value, list) and value else {}, rest, raw)}]"
    fields = dict(value) if isinstance(value, dict) else {}
    inner = _inserted(fields.pop(first, {}), rest, raw)
    others = "".join(f", {json.dumps(name)}: {json.dumps(each)}" for name, each in fields.items())
    return f"{{{json.dumps(first)}: {inner}{others}}}"


def _form(
    what: str,
    *,
    name: bytes = b"note.md",
    media_type: bytes = b"text/markdown",
    fields: Mapping[str, bytes] | None = None,
) -> Shot:
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (each.encode(), value)
        for each, value in (fields or {}).items()
    ]
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n' % name
    return Shot(
        what=what,
        method="POST",
        path=b"/v1/documents",
        headers={"Content-Type": b"multipart/form-data; boundary=b"},
        body=b"%b%bContent-Type: %b\r\n\r\nA note.\r\n--b--\r\n"
        % (b"".join(parts), file, media_type),
    )


PROBES: tuple[Probe, ...] = (every_parameter_of_every_route, file_names_and_forms)
