"""The service under attack: `footnote up` in a fresh home, its keys, its processes, its log."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from evals.attack.processes import Role, Usage, end_all, of_role, usage
from evals.bench.footnote_process import (
    LOG_NAME,
    TENANT,
    BenchmarkFailed,
    Footnote,
    Instance,
    running,
)

PATIENCE_SECONDS = 60.0
"""A response that takes longer counts as none."""


class Target:
    """A service that a probe may end: the next one finds it running again."""

    def __init__(self, home: Path, *, minutes: float, evaldata: Path) -> None:
        """Nothing runs before `ensure_up`."""
        self.home = home
        self.log = home / LOG_NAME
        self.instance = Instance(home=home, overrides={})
        self.minutes = minutes
        self.evaldata = evaldata
        self._stack = ExitStack()
        self._footnote: Footnote | None = None
        self._keys: dict[str, str] = {}

    @property
    def footnote(self) -> Footnote:
        """The running service."""
        if self._footnote is None:
            raise BenchmarkFailed("The service under attack was not started.")
        return self._footnote

    @property
    def url(self) -> str:
        """Its address."""
        return self.footnote.url

    @property
    def address(self) -> tuple[str, int]:
        """Its address, for sockets."""
        url = httpx.URL(self.url)
        return url.host, url.port or 80

    def ensure_up(self) -> None:
        """Starts the service unless it runs and answers."""
        if self._footnote is None or not self.is_up():
            self.end()
            self._footnote = self._stack.enter_context(running(self.instance))

    def is_up(self, *, timeout_seconds: float = 5.0) -> bool:
        """True when it answers."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=timeout_seconds).is_success
        except httpx.HTTPError:
            return False

    def end(self) -> None:
        """Ends the service and whatever it left behind."""
        try:
            self._stack.close()
        finally:
            self._footnote = None
            end_all(self.home)

    def key(self, tenant: str = TENANT) -> str:
        """A key of the tenant, which is made when there is none, that may act for anybody."""
        if tenant not in self._keys:
            if tenant != TENANT:
                self.footnote.run("tenant", "create", tenant)
            self._keys[tenant] = self.footnote.create_key(tenant, "--act-as")
        return self._keys[tenant]

    def headers(self, *principals: str, tenant: str = TENANT) -> dict[str, str]:
        """Those of a request by somebody with these principals."""
        headers = {"Authorization": f"Bearer {self.key(tenant)}"}
        return headers | ({"Footnote-Principals": ",".join(principals)} if principals else {})

    @contextmanager
    def caller(self, *principals: str, tenant: str = TENANT) -> Iterator[httpx.Client]:
        """A client of somebody with these principals."""
        with httpx.Client(
            base_url=self.url,
            headers=self.headers(*principals, tenant=tenant),
            timeout=PATIENCE_SECONDS,
        ) as client:
            yield client

    def usage(self, role: Role) -> Usage:
        """The resources that the processes of that role use now."""
        return usage(of_role(self.home, role))

    def log_lines(self, start: int = 0) -> list[str]:
        """The lines of the service's log from that byte on, oldest first."""
        return self.log.read_bytes()[start:].decode("utf-8", errors="replace").splitlines()

    def log_events(self, *names: str) -> list[Mapping[str, object]]:
        """The events of these names in the service's log, oldest first."""
        events = [json.loads(line) for line in self.log_lines() if line.startswith("{")]
        return [event for event in events if event.get("event") in names]
