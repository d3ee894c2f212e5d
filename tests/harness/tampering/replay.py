"""Replay, tampering, and copies of the books, for tests."""

from collections.abc import Callable, Iterable, Mapping

import psycopg

from ledger.replay.replay import replay
from ledger.replay.report import ProviderDecoder, ProviderDecoders, ReplayResult, ReplayWindow
from providers.contract import (
    ApiFields,
    HistoryPolicy,
    LedgerPolicy,
    Provider,
    SigningMethod,
    Verified,
)
from providers.dialect import Dialect
from providers.options import any_secret
from providers.outbound.dialect_api import NO_API
from storage.engine import open_engine
from tests.harness.books.ledger import render_answer
from vocabulary.errors import Malformed
from vocabulary.facts import Fact


def replayed(
    database: str, decoders: ProviderDecoders, window: ReplayWindow | None = None
) -> ReplayResult:
    engine = open_engine(database)
    try:
        return replay(engine, decoders, window=window, announce=quiet)
    finally:
        engine.dispose()


def quiet(_total: int) -> Callable[[int], None]:
    return lambda _done: None


def tamper(database: str, statement: str) -> None:
    """Run a statement with the guards switched off, as an administrator could."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        assert connection.execute(statement.encode()).rowcount > 0


TABLES = (
    *("batches", "operations", "entries", "deliveries"),
    *("players", "wallets", "rounds", "parked", "seals"),
    *("runs", "residuals", "residual_entries", "write_offs"),
    *("adjustments", "audit", "fund_requests", "archived_totals", "listed_breaks"),
    *("archives", "archive_releases", "month_ends", "month_end_wallets"),
    *("archived_keys", "packed_hash_totals"),
)


def copy_books(database: str) -> None:
    """Copy the books into another schema."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA copied")
        for table in TABLES:
            connection.execute(f"CREATE TABLE copied.{table} AS TABLE {table}".encode())


def restore_books(database: str) -> None:
    """Restore the books from the copy."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET LOCAL synchronous_commit = off")
        for table in TABLES:
            columns = ", ".join(_columns(connection, table))
            connection.execute(f"DELETE FROM {table}".encode())
            connection.execute(
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
                f" SELECT {columns} FROM copied.{table}".encode()
            )


def _columns(connection: "psycopg.Connection[tuple[object, ...]]", table: str) -> list[str]:
    """The columns of a table that are not generated."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = ''",
        (f"public.{table}",),
    )
    return [str(row[0]) for row in rows]


def fact_decoders(
    facts: Iterable[Fact], policies: Mapping[str, LedgerPolicy]
) -> ProviderDecoders:
    """Decoders that read ``repr(fact)`` as the fact, as the harness's ``request`` sends it."""
    fact_by_body = {repr(fact).encode(): fact for fact in facts}
    return ProviderDecoders(
        providers={slug: _decoder(slug, fact_by_body, policies[slug]) for slug in policies}
    )


def _decoder(
    slug: str, fact_by_body: Mapping[bytes, Fact], policy: LedgerPolicy
) -> ProviderDecoder:
    def parse(verified: Verified, _provider: Provider) -> Fact:
        if verified.callback.body not in fact_by_body:
            raise Malformed("body", "the bytes of a known fact are expected")
        return fact_by_body[verified.callback.body]

    dialect = Dialect(
        name="facts",
        routes=("/callback",),
        options={},
        policy=lambda _options: policy,
        history_policy=lambda _options: HistoryPolicy(names_rounds=True, round_open_max=None),
        verify=lambda callback, _provider: Verified(callback, None),
        signature_headers=lambda _provider: (),
        secret_problem=any_secret,
        signing=lambda _provider: SigningMethod(digest="", place="", text="", command=""),
        parse=parse,
        respond=lambda outcome, _provider: render_answer(outcome),
        statement=None,
        api_fields=ApiFields(required=frozenset(), optional=frozenset()),
        api=lambda: NO_API,
    )
    provider = Provider(slug=slug, currency="EUR", exponents={}, secrets=(b"s",), options={})
    return ProviderDecoder(dialect=dialect, provider=provider, policy=policy)
