"""Guards read the tables of the books, also where a session has a temporary table of the name.

Commands of the application's role stage rows in temporary tables, and a temporary table hides
the table of its name from every statement of its session that names no schema.
"""

import psycopg
import pytest
from psycopg.errors import RestrictViolation

from storage.rights import APPLICATION_ROLE
from storage.roles import url_of_login
from tests.conftest import TEMPLATE, PostgresServer

_UNPINNED = """
SELECT proname::text FROM pg_proc p
 WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
   AND 'search_path=public, pg_temp' <> ALL (coalesce(proconfig, '{}'))
 ORDER BY proname
"""
_INVOICE = """
INSERT INTO invoices (invoice_id, provider, number, number_key, currency, fee, first_day,
                      last_day, claims, file_name, digest, file)
VALUES ('inv-' || repeat('0', 32), 'lottery', '7', '7', 'EUR', 100, '2026-05-01', '2026-05-31',
        '{}', 'invoice.csv', '\\x00', '\\x00');
INSERT INTO invoice_steps (invoice_id, number, action, by_name, clean, checked)
VALUES ('inv-' || repeat('0', 32), 1, 'received', 'ann', true, '{}')
"""
_SHADOW = """
CREATE TEMPORARY TABLE invoice_steps (LIKE public.invoice_steps INCLUDING DEFAULTS);
INSERT INTO pg_temp.invoice_steps (invoice_id, number, action, by_name, eyes, clean, checked)
VALUES ('inv-' || repeat('0', 32), 1, 'received', 'bob', '{person:0}', true, '{}')
"""
_APPROVAL = """
INSERT INTO public.invoice_steps (invoice_id, number, action, by_name, clean, checked)
VALUES ('inv-' || repeat('0', 32), 2, 'approved', 'ann', true, '{}')
"""


def test_every_guard_looks_into_the_schema_of_the_books_first(postgres: PostgresServer) -> None:
    with psycopg.connect(postgres.url(TEMPLATE)) as connection:
        unpinned = [row[0] for row in connection.execute(_UNPINNED)]

    assert unpinned == []


def test_a_temporary_table_does_not_hide_who_received_an_invoice(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(_INVOICE)

    with psycopg.connect(url_of_login(database, APPLICATION_ROLE), autocommit=True) as intruder:
        intruder.execute(_SHADOW)
        with pytest.raises(RestrictViolation, match="another person approves it"):
            intruder.execute(_APPROVAL)
