"""Replay, and tampering, for tests."""

from collections.abc import Callable, Iterable, Mapping

import psycopg

from ledger.replay.replay import replay
from ledger.replay.report import ProviderDecoder, ProviderDecoders, ReplayResult, ReplayWindow
from providers.contract import ApiFields, HistoryPolicy, Policy, Provider, Verified
from providers.dialect import Dialect
from providers.outbound.dialect_api import NO_API
from storage.engine import open_engine
from tests.harness.books.ledger import say
from vocabulary.errors import Malformed
from vocabulary.facts import Fact


def replayed(
    database: str, voices: ProviderDecoders, window: ReplayWindow | None = None
) -> ReplayResult:
    engine = open_engine(database)
    try:
        return replay(engine, voices, window=window, announce=quiet)
    finally:
        engine.dispose()


def quiet(_total: int) -> Callable[[int], None]:
    return lambda _done: None


def tamper(database: str, statement: str) -> None:
    """Change what the guards would refuse, as someone with the keys to the server could."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        assert connection.execute(statement.encode()).rowcount > 0


TABLES = (
    *("batches", "operations", "entries", "deliveries"),
    *("wallets", "rounds", "parked", "seals"),
    *("runs", "residuals", "residual_entries"),
)


def keep(database: str) -> None:
    """Keep a copy of the books beside them."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA kept")
        for table in TABLES:
            connection.execute(f"CREATE TABLE kept.{table} AS TABLE {table}".encode())


def put_back(database: str) -> None:
    """Make the books again what was kept."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET LOCAL synchronous_commit = off")
        for table in TABLES:
            columns = ", ".join(_columns(connection, table))
            connection.execute(f"DELETE FROM {table}".encode())
            connection.execute(
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
                f" SELECT {columns} FROM kept.{table}".encode()
            )


def _columns(connection: "psycopg.Connection[tuple[object, ...]]", table: str) -> list[str]:
    """The columns of a table that are not computed."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = ''",
        (f"public.{table}",),
    )
    return [str(row[0]) for row in rows]


def spoken(facts: Iterable[Fact], policies: Mapping[str, Policy]) -> ProviderDecoders:
    """Voices that read ``repr(fact)`` as the fact: what the harness's ``request`` sends."""
    said = {repr(fact).encode(): fact for fact in facts}
    return ProviderDecoders(
        providers={slug: _voice(slug, said, policies[slug]) for slug in policies}
    )


def _voice(slug: str, said: Mapping[bytes, Fact], policy: Policy) -> ProviderDecoder:
    def parse(verified: Verified, _provider: Provider) -> Fact:
        if verified.callback.body not in said:
            raise Malformed("body", "something that was said is expected")
        return said[verified.callback.body]

    dialect = Dialect(
        name="spoken",
        routes=("/callback",),
        options={},
        policy=lambda _options: policy,
        history_policy=lambda _options: HistoryPolicy(names_rounds=True, round_open_max=None),
        verify=lambda callback, _provider: Verified(callback, None),
        parse=parse,
        respond=lambda outcome, _provider: say(outcome),
        statement=None,
        api_fields=ApiFields(required=frozenset(), optional=frozenset()),
        api=lambda: NO_API,
    )
    provider = Provider(slug=slug, currency="EUR", exponents={}, secrets=(b"s",), options={})
    return ProviderDecoder(dialect=dialect, provider=provider, policy=policy)
