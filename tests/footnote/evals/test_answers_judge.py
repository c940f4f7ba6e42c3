"""A judge model behind a real server: three runs, an interval, and no trust in its form."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from typing_extensions import override

from footnote.evals.answers_judge import Judge, ToGrade, opinion
from kb.postgres.database import Database
from tests.fakes.completions import completion
from tests.fakes.gateways import one_model, running_gateway
from tests.service import Service

RIGHT = ToGrade(question="How long?", known_answers=["two weeks"], answer="It runs two weeks.")
WRONG = ToGrade(question="How long?", known_answers=["two weeks"], answer="It is blue.")


class _Grading(BaseHTTPRequestHandler):
    replies: Sequence[str]
    asked = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shown = json.loads(body["messages"][-1]["content"])
        holds = any(answer in shown["answer_to_grade"] for answer in shown["right_answers"])
        cls = type(self)
        text = cls.replies[cls.asked % len(cls.replies)].replace("GRADE", "2" if holds else "0")
        cls.asked += 1
        content = json.dumps(completion(text)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""


@contextmanager
def judging(*replies: str) -> Iterator[str]:
    """The URL of a model that says these in turn; GRADE is what it finds."""
    handler = type("Grading", (_Grading,), {"replies": replies})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


async def told(service: Service, database: Database, replies: Sequence[str]) -> dict[str, object]:
    with judging(*replies) as url:
        async with running_gateway(one_model(url), database) as gateway:
            judge = Judge(gateway=gateway, tenant_id=await service.new_tenant(), alias="default")
            return dict(await opinion(judge, [RIGHT, WRONG, RIGHT, RIGHT]))


async def test_the_mean_of_three_runs_has_an_interval(service: Service, database: Database) -> None:
    found = await told(service, database, ['{"grade": GRADE}'])

    # Three of four answers get the full grade in each run.
    assert (found["judge"], found["judge_runs"]) == (0.75, "0.750 / 0.750 / 0.750")
    assert (found["judge_answers"], found["judge_ungraded"]) == (4, 0)
    assert found["judge_low"] == 0.25
    assert found["judge_high"] == 1.0


async def test_runs_that_disagree_are_averaged(service: Service, database: Database) -> None:
    grades = ['{"grade": 2}'] * 4 + ['{"grade": 1}'] * 4 + ['{"grade": 0}'] * 4

    found = await told(service, database, grades)

    assert (found["judge"], found["judge_runs"]) == (0.5, "1.000 / 0.500 / 0.000")


async def test_what_is_no_grade_is_counted_and_left_out(
    service: Service, database: Database
) -> None:
    found = await told(service, database, ["I like it.", '{"grade": 7}', '{"grade": 2}'])

    # In every run one reply in three is a grade, each time for another answer: none has all three.
    assert found == {"judge": None, "judge_ungraded": 8}
