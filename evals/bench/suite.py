"""The benchmarks by name: how each is measured with the options of a run."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from evals.bench.answer_time import measure_answers
from evals.bench.batch import DOCUMENTS as BATCHED
from evals.bench.batch import measure_batch
from evals.bench.beside import measure_beside
from evals.bench.chaos import DOCUMENTS as NOTES
from evals.bench.chaos import KILLS, measure_chaos
from evals.bench.commands import RUNS, measure_commands
from evals.bench.concurrency import measure_concurrency
from evals.bench.deletion import DELETIONS, measure_deletion
from evals.bench.fairness import measure_fairness
from evals.bench.hostile import measure_hostile
from evals.bench.ingest import DATASET as HANDBOOK
from evals.bench.ingest import measure_ingest
from evals.bench.install import measure_install
from evals.bench.lexical import CHUNKS, measure_lexical
from evals.bench.lexical import DATASET as MEDQUAD
from evals.bench.memory import DOCUMENTS as KEPT
from evals.bench.memory import measure_memory
from evals.bench.newcomers import LONG_DOCUMENTS, NEWCOMERS, measure_newcomers
from evals.bench.nights import DOCUMENTS, measure_nights
from evals.bench.permissions import ROWS, measure_permissions
from evals.bench.plan import Plan
from evals.bench.processes import measure_processes
from evals.bench.record import Outcome
from evals.bench.request_cost import measure_request_cost
from evals.bench.scale import measure_scale
from evals.bench.search import measure_search
from evals.bench.servers import measure_servers
from evals.bench.spaces import measure_spaces
from evals.bench.squad2 import DATASET as SQUAD2
from evals.bench.squad2 import measure_squad2
from evals.bench.startup import measure_startup
from evals.bench.visible import measure_visible
from evals.bench.walk import measure_walk
from evals.bench.webhooks import EVENTS, measure_webhooks

SEARCHED: Final = "handbook0"
"""The home of the first ingest run, which has the documents already when there was one."""


class Name(StrEnum):
    """The benchmarks."""

    ANSWERS = "answers"
    STARTUP = "startup"
    INGEST = "ingest"
    SEARCH = "search"
    CHAOS = "chaos"
    COMMANDS = "commands"
    CONCURRENCY = "concurrency"
    DELETION = "deletion"
    BATCH = "batch"
    BESIDE = "beside"
    FAIRNESS = "fairness"
    HOSTILE = "hostile"
    INSTALL = "install"
    LEXICAL = "lexical"
    MEMORY = "memory"
    NEWCOMERS = "newcomers"
    PERMISSIONS = "permissions"
    PROCESSES = "processes"
    REINDEX = "reindex"
    REQUESTS = "requests"
    SCALE = "scale"
    SERVERS = "servers"
    SPACES = "spaces"
    SQUAD2 = "squad2"
    VISIBLE = "visible"
    WALK = "walk"
    WEBHOOKS = "webhooks"
    ALL = "all"


def measure(name: Name, plan: Plan) -> Outcome:
    """The outcome of one benchmark; KeyError for `all`, which is none."""
    return MEASURE_BY_NAME[name](plan)


def _answers(plan: Plan) -> Outcome:
    instance, other = plan.instance(Name.ANSWERS), plan.other_instance(Name.ANSWERS)
    return measure_answers(instance, other, plan.data(SQUAD2), limit=plan.limit)


def _batch(plan: Plan) -> Outcome:
    return measure_batch(plan.instance(Name.BATCH), documents=plan.limit or BATCHED)


def _beside(plan: Plan) -> Outcome:
    return measure_beside(plan.instance(Name.BESIDE), plan.data(HANDBOOK), pages=plan.pages)


def _chaos(plan: Plan) -> Outcome:
    kills, documents = plan.runs or KILLS, plan.limit or NOTES
    return measure_chaos(plan.instance(Name.CHAOS), kills=kills, documents=documents)


def _commands(plan: Plan) -> Outcome:
    return measure_commands(plan.instance(Name.COMMANDS), runs=plan.runs or RUNS)


def _concurrency(plan: Plan) -> Outcome:
    return measure_concurrency(plan.instance(SEARCHED), plan.data(HANDBOOK), pages=plan.pages)


def _deletion(plan: Plan) -> Outcome:
    return measure_deletion(plan.instance(Name.DELETION), deletions=plan.limit or DELETIONS)


def _fairness(plan: Plan) -> Outcome:
    return measure_fairness(plan.instance(SEARCHED), plan.data(HANDBOOK), pages=plan.pages)


def _ingest(plan: Plan) -> Outcome:
    return measure_ingest(
        plan.instance,
        plan.data(HANDBOOK),
        plan.data(SQUAD2),
        pages=plan.pages,
        runs=plan.runs or 3,
    )


def _lexical(plan: Plan) -> Outcome:
    instance, medquad = plan.instance(Name.LEXICAL), plan.data(MEDQUAD)
    return measure_lexical(instance, medquad, chunk_count=plan.limit or CHUNKS)


def _memory(plan: Plan) -> Outcome:
    instance, other = plan.instance(Name.MEMORY), plan.other_instance(Name.MEMORY)
    return measure_memory(instance, other, plan.data(HANDBOOK), documents=plan.limit or KEPT)


def _newcomers(plan: Plan) -> Outcome:
    return measure_newcomers(
        plan.instance(Name.NEWCOMERS),
        plan.other_instance(Name.NEWCOMERS),
        plan.data(HANDBOOK),
        long_documents=plan.limit or LONG_DOCUMENTS,
        newcomers=plan.runs or NEWCOMERS,
    )


def _permissions(plan: Plan) -> Outcome:
    return measure_permissions(plan.instance(Name.PERMISSIONS), rows=plan.limit or ROWS)


def _reindex(plan: Plan) -> Outcome:
    return measure_nights(plan.instance(Name.REINDEX), documents=plan.limit or DOCUMENTS)


def _requests(plan: Plan) -> Outcome:
    return measure_request_cost(
        plan.instance(Name.REQUESTS),
        plan.other_instance(Name.REQUESTS),
        plan.data(HANDBOOK),
        plan.data(SQUAD2),
        pages=plan.pages,
        rounds=plan.runs,
    )


def _scale(plan: Plan) -> Outcome:
    return measure_scale(plan.instance, largest=plan.limit or ROWS)


def _search(plan: Plan) -> Outcome:
    return measure_search(plan.instance(SEARCHED), plan.data(HANDBOOK), pages=plan.pages)


def _servers(plan: Plan) -> Outcome:
    return measure_servers(runs=plan.runs or 3)


def _spaces(plan: Plan) -> Outcome:
    return measure_spaces(plan.instance(Name.SPACES), plan.data(HANDBOOK), pages=plan.pages)


def _squad2(plan: Plan) -> Outcome:
    return measure_squad2(plan.instance(Name.SQUAD2), plan.data(SQUAD2), limit=plan.limit)


def _startup(plan: Plan) -> Outcome:
    return measure_startup(plan.instance(Name.STARTUP), runs=plan.runs or 5)


def _webhooks(plan: Plan) -> Outcome:
    return measure_webhooks(plan.instance(Name.WEBHOOKS), events=plan.limit or EVENTS)


MEASURE_BY_NAME: Final[Mapping[Name, Callable[[Plan], Outcome]]] = {
    Name.ANSWERS: _answers,
    Name.STARTUP: _startup,
    Name.INGEST: _ingest,
    Name.SEARCH: _search,
    Name.CHAOS: _chaos,
    Name.COMMANDS: _commands,
    Name.CONCURRENCY: _concurrency,
    Name.DELETION: _deletion,
    Name.BATCH: _batch,
    Name.BESIDE: _beside,
    Name.FAIRNESS: _fairness,
    Name.HOSTILE: lambda _: measure_hostile(),
    Name.INSTALL: lambda _: measure_install(),
    Name.LEXICAL: _lexical,
    Name.MEMORY: _memory,
    Name.NEWCOMERS: _newcomers,
    Name.PERMISSIONS: _permissions,
    Name.REINDEX: _reindex,
    Name.REQUESTS: _requests,
    Name.SCALE: _scale,
    Name.PROCESSES: lambda plan: measure_processes(plan.instance, largest=plan.limit or ROWS),
    Name.SERVERS: _servers,
    Name.SPACES: _spaces,
    Name.SQUAD2: _squad2,
    Name.VISIBLE: lambda plan: measure_visible(plan.data(MEDQUAD)),
    Name.WALK: lambda plan: measure_walk(plan.instance(Name.WALK)),
    Name.WEBHOOKS: _webhooks,
}
"""In the order in which `all` measures them: ingest fills the home that others search."""
