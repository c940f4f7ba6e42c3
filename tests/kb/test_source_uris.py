"""Addresses of sources: one form each, and no way around the operator's prefixes."""

from uuid import UUID

import pytest

from kb.errors import SourceUriRefused
from kb.ids import TenantId
from kb.source_uris import parse_prefixes, parse_source_uri, prefix_of, require_allowed

TENANT, OTHER = TenantId(UUID(int=1)), TenantId(UUID(int=2))


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("file:///srv/docs/", "file:///srv/docs"),
        ("file://localhost/srv/my%20docs", "file:///srv/my%20docs"),
        ("file:///srv/%64ocs", "file:///srv/docs"),
        ("FILE:///srv/docs", "file:///srv/docs"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a%2Fb/", "s3://bucket/a/b"),
        ("sftp://backup@Host.Example:2222/docs", "sftp://backup@host.example:2222/docs"),
        ("zip+file:///srv/docs.zip", "zip+file:///srv/docs.zip"),
        (
            "git+https://host.example/team/repo.git@v1.2",
            "git+https://host.example/team/repo.git@v1.2",
        ),
        ("git+file:///srv/repo@feature/x", "git+file:///srv/repo@feature/x"),
        ("https://host.example/list?a=b", "https://host.example/list?a=b"),
    ],
)
def test_an_address_has_one_form(written: str, canonical: str) -> None:
    assert str(parse_source_uri(written)) == canonical
    assert str(parse_source_uri(canonical)) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "",
        "/srv/docs",
        "ftp://host/docs",
        "data:text/plain,a",
        "file:///srv/../etc",
        "file:///srv/%2e%2e/etc",
        "file:///srv/%2E%2E%2Fetc",
        "file:///srv//docs",
        "file:///srv/./docs",
        "file:///srv/a%00b",
        "file:///srv/a%0Ab",
        "file:///srv/a%5C..%5Cb",
        "file:///srv\\docs",
        "file:///srv/docs?x=1",
        "file:///srv/docs#x",
        "file:///srv/%ff",
        "file://other-host/srv",
        "file://localhost:80/srv",
        "s3://key:secret@bucket/docs",
        "s3://key@bucket/docs",
        "s3://bucket:80/docs",
        "s3:///docs",
        "s3://../docs",
        "s3://b/docs",
        "sftp://user:password@host/docs",
        "sftp://user:@host/docs",
        "sftp://user%40other@host/docs",
        "sftp://-oProxyCommand=x@host/docs ",
        "sftp://host:99999/docs",
        "https://user:password@host/list",
        "https://user@host/list",
        "http:///list",
        "zip+git+file:///srv/repo",
        "zip+zip+file:///srv/a.zip",
        "git+https://host/repo@--upload-pack=x",
        "git+https://host/repo@a..b",
        "git+ssh://host/repo",
        "git+https://user:token@host/repo",
        "file:///srv/a\u202eb",
        "file:///srv/" + "a" * 3_000,
    ],
)
def test_what_is_no_address_or_holds_credentials_is_refused(written: str) -> None:
    with pytest.raises(SourceUriRefused):
        parse_source_uri(written)


PREFIXES = (
    "file:///srv/docs/",
    "s3://shared/public",
    "s3://tenants/{tenant}/",
    "sftp://backup@host.example/",
    "git+https://git.example/team/",
)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///srv/docs",
        "file:///srv/docs/a/b",
        "file:///srv/%64ocs/a",
        "zip+file:///srv/docs/a.zip",
        "s3://shared/public/a",
        f"s3://tenants/{TENANT}",
        f"s3://tenants/{TENANT}/a",
        "sftp://backup@host.example/any/where",
        "git+https://git.example/team/repo@main",
        "https://anywhere.example/list",
        "zip+https://anywhere.example/a.zip",
    ],
)
def test_a_tenant_may_name_the_web_and_what_lies_below_a_prefix(uri: str) -> None:
    require_allowed(parse_source_uri(uri), PREFIXES, TENANT)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///",
        "file:///srv",
        "file:///srv/docs2",
        "file:///srv/Docs/a",
        "git+file:///srv/docs/repo",
        "zip+file:///srv/docs.zip",
        "s3://shared",
        "s3://shared/publicity",
        "s3://shared-public/a",
        f"s3://tenants/{OTHER}/a",
        "s3://tenants",
        "s3://tenants/%7Btenant%7D/a",
        "gs://shared/public/a",
        "sftp://host.example/any",
        "sftp://root@host.example/any",
        "sftp://backup@host.example:2222/any",
        "git+https://git.example/teams/repo",
        "git+https://git.example.evil.example/team/repo",
    ],
)
def test_a_tenant_may_name_nothing_else(uri: str) -> None:
    with pytest.raises(SourceUriRefused):
        require_allowed(parse_source_uri(uri), PREFIXES, TENANT)


def test_without_prefixes_there_is_only_the_web() -> None:
    assert parse_prefixes("") == ()
    assert prefix_of(parse_source_uri("file:///srv"), (), TENANT) is None
    with pytest.raises(SourceUriRefused):
        require_allowed(parse_source_uri("s3://shared/public"), (), TENANT)


def test_a_prefix_that_is_no_address_is_refused() -> None:
    with pytest.raises(SourceUriRefused):
        parse_prefixes("file:///srv/ srv/docs")
