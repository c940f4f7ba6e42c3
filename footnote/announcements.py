"""What `footnote up` says on stdout: its steps, its address, how to begin, and how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from footnote.listening import Listener
from footnote.output import console
from kb import stopping


class Announcements:
    """The lines of one `footnote up`, in the order in which things happen."""

    def __init__(self, listener: Listener) -> None:
        """Says nothing yet."""
        self._url = listener.url
        self._where = " on all addresses" if listener.is_everywhere else ""
        self._begun = monotonic()
        self.cut_off: list[str] = []
        """What a stop did not let come to its end, each as part of a sentence."""

    def step(self, doing: str) -> None:
        """Says what is being done now."""
        console.print(f"[{monotonic() - self._begun:5.1f} s] {doing}")

    def listening(self) -> None:
        """Says where the service is, once it listens."""
        console.print(
            f"Footnote listens{self._where}: {self._url} (API description: {self._url}/docs), "
            f"{monotonic() - self._begun:.1f} s after its start. Ctrl-C stops it."
        )

    def first_key(self, tenant: str, key: str) -> None:
        """Shows the key of the first start, and how to upload and ask with it."""
        lines = (
            f"First start: made the tenant {tenant!r}. Its key, shown only now:",
            key,
            "",
            "Upload a note from another terminal (a file: -F file=@PATH for the last two options):",
            "",
            f"  export KEY={key}",
            f'  curl -sS {self._url}/v1/documents -H "Authorization: Bearer $KEY" \\',
            '    -H "Content-Type: application/json" \\',
            '    -d \'{"title": "Ferry", "text": "The ferry to the island leaves at nine."}\'',
            "",
            "Ask about it, a moment later:",
            "",
            f'  curl -sS {self._url}/v1/answers -H "Authorization: Bearer $KEY" \\',
            '    -H "Content-Type: application/json" \\',
            '    -d \'{"question": "When does the ferry to the island leave?"}\'',
            "",
        )
        for line in lines:
            console.print(line)

    def other_start(self, tenant: str) -> None:
        """Says how to get a key, of which only the first start shows one."""
        console.print(
            "Upload and ask with a key that you have, or make one: "
            f"footnote key create --tenant {tenant}"
        )

    @contextmanager
    def end_told(self) -> Iterator[None]:
        """Says, after the block, how long the stop took that ended it and what it cut off."""
        stopping.tell_of_stops()
        try:
            yield
        finally:
            seconds = stopping.seconds_since_request()
            if seconds is not None:
                rest = f" Cut off: {'; '.join(self.cut_off)}." if self.cut_off else ""
                console.print(f"Stopped in {seconds:.1f} s.{rest}")
