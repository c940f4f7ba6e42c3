"""Addresses of sources: their one canonical form, and those that a tenant may name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import regex  # type: ignore[import-untyped]  # ships no type information
from typing_extensions import override

from kb.errors import SourceUriRefused
from kb.ids import TenantId

MAX_URI_LENGTH: Final = 2048
"""Characters, of a document's source_uri too: what browsers and proxies carry everywhere."""

ARCHIVE: Final = "zip+"
"""Stands before the address of a zip file whose members are the files."""

WEB: Final = frozenset({"http", "https"})
"""Read through the guarded client, whoever names them."""

GIT: Final = frozenset({"git+https", "git+file"})
LOCAL: Final = frozenset({"file", "git+file"})
BUCKETS: Final = frozenset({"s3", "gs"})
SCHEMES: Final = WEB | GIT | LOCAL | BUCKETS | {"sftp"}

TENANT: Final = "{tenant}"
"""Stands for the tenant's id in an operator's prefix."""

_BUCKET: Final = regex.compile(r"[a-z0-9][a-z0-9._-]{1,221}")
_HOST: Final = regex.compile(r"[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]")
_USER: Final = regex.compile(r"[A-Za-z0-9._-]{1,64}")
_UNWRITTEN: Final = regex.compile(r"[\p{C}\p{Z}]")
_UNPRINTABLE: Final = regex.compile(r"[\p{C}\\\\]")
_REF: Final = regex.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")


@dataclass(frozen=True, kw_only=True)
class SourceUri:
    """An address in its parts, each decoded once.

    `host` is the bucket of an object store and has the port, if one is named. `path` is absolute
    and has no part that is empty, `.` or `..`; of the web it is as it was written.
    """

    is_archive: bool
    scheme: str
    user: str
    host: str
    path: str
    query: str = ""
    ref: str = ""

    @override
    def __str__(self) -> str:
        """The canonical form: two addresses of one place are equal."""
        user = f"{self.user}@" if self.user else ""
        path = self.path if self.scheme in WEB else quote(self.path)
        query = f"?{self.query}" if self.query else ""
        ref = f"@{self.ref}" if self.ref else ""
        archive = ARCHIVE if self.is_archive else ""
        return f"{archive}{self.scheme}://{user}{self.host}{path}{query}{ref}"

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path."""
        return tuple(part for part in self.path.split("/") if part)

    def is_below(self, prefix: "SourceUri") -> bool:
        """True when this is the prefix's place or one in it; a zip file is where it lies."""
        is_same_place = (self.scheme, self.user, self.host) == (
            prefix.scheme,
            prefix.user,
            prefix.host,
        )
        return is_same_place and self.parts[: len(prefix.parts)] == prefix.parts


def parse_source_uri(text: str) -> SourceUri:
    """The address; SourceUriRefused says what is wrong with it."""
    if len(text) > MAX_URI_LENGTH or _UNWRITTEN.search(text):
        raise SourceUriRefused(
            f"An address has at most {MAX_URI_LENGTH} characters, and %20 in the place of a space."
        )
    is_archive = text.startswith(ARCHIVE)
    try:
        split = urlsplit(text.removeprefix(ARCHIVE))
        port = split.port
        user, password, host = split.username or "", split.password, split.hostname or ""
    except ValueError as error:
        raise SourceUriRefused("The address cannot be read.") from error
    scheme = split.scheme
    if scheme not in SCHEMES or (is_archive and scheme in GIT):
        raise SourceUriRefused(
            f"An address begins with one of {', '.join(sorted(SCHEMES))}, or with 'zip+' and one "
            "that is not git."
        )
    if password is not None or "@" in user or (user and scheme != "sftp"):
        raise SourceUriRefused(
            "An address holds no credentials: the worker takes them from its environment."
        )
    if "#" in text or ("?" in text and scheme not in WEB) or "\\" in text:
        raise SourceUriRefused("Write '#', '?' and '\\' in a path as %23, %3F and %5C.")
    _check_place(scheme, user, host, has_port=port is not None or split.netloc.endswith(":"))
    if scheme in LOCAL:
        host = ""
    path, ref = split.path, ""
    if scheme in GIT and "@" in path:
        path, _, ref = path.rpartition("@")
        if not _REF.fullmatch(ref) or ".." in ref:
            raise SourceUriRefused("Behind '@' stands the name of a branch, a tag or a commit.")
    netloc = f"[{host}]" if ":" in host else host
    return SourceUri(
        is_archive=is_archive,
        scheme=scheme,
        user=user,
        host=netloc if port is None else f"{netloc}:{port}",
        path=path if scheme in WEB else _decoded(path),
        query=split.query,
        ref=ref,
    )


def parse_prefixes(text: str) -> tuple[str, ...]:
    """The prefixes, which stand in the setting with spaces between them.

    SourceUriRefused for one that is no address.
    """
    prefixes = tuple(text.split())
    for prefix in prefixes:
        parse_source_uri(prefix.replace(TENANT, "tenant"))
    return prefixes


def prefix_of(uri: SourceUri, prefixes: Sequence[str], tenant_id: TenantId) -> SourceUri | None:
    """The operator's prefix that the address lies below for this tenant; None when none does."""
    for prefix in prefixes:
        parsed = parse_source_uri(prefix.replace(TENANT, str(tenant_id)))
        if uri.is_below(parsed):
            return parsed
    return None


def require_allowed(uri: SourceUri, prefixes: Sequence[str], tenant_id: TenantId) -> None:
    """SourceUriRefused unless a tenant may name the address."""
    if uri.scheme not in WEB and prefix_of(uri, prefixes, tenant_id) is None:
        raise SourceUriRefused(
            "A source may lie on the web, or below an address that the operator allows "
            "(FOOTNOTE_SOURCE_URI_PREFIXES)."
        )


def _check_place(scheme: str, user: str, host: str, *, has_port: bool) -> None:
    if scheme in LOCAL:
        is_right = host in {"", "localhost"} and not has_port
    elif scheme in BUCKETS:
        is_right = bool(_BUCKET.fullmatch(host)) and not has_port
    else:
        is_right = bool(_HOST.fullmatch(f"[{host}]" if ":" in host else host))
    if not is_right or (user and not _USER.fullmatch(user)):
        raise SourceUriRefused(
            "Behind '//' stands a host or a bucket; for a folder of the worker's machine nothing."
        )


def _decoded(path: str) -> str:
    """The path, absolute and without a slash at its end."""
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError as error:
        raise SourceUriRefused("The path is not UTF-8.") from error
    parts = decoded.strip("/").split("/") if decoded.strip("/") else []
    if any(part in {"", ".", ".."} for part in parts) or _UNPRINTABLE.search(decoded):
        raise SourceUriRefused(
            "A path has no part that is empty, '.' or '..', and no control characters."
        )
    return "/" + "/".join(parts) if parts else ""
