"""Things behind the console's pages: hostile bytes, a repeat, a deposit, a file and a seal."""

import hashlib

import psycopg
import pytest

from ledger.posting.posting import post_all_at
from tests.harness.books.console import SCRIPT, ConsoleBooks
from tests.harness.books.ledger import accept, bet, deposit
from tests.harness.dialects.sportsbook import sign_sportsbook

#: A megabyte with markup, control characters and bytes that are no UTF-8.
BODY = (SCRIPT.encode() + b"\0\x1b[31m\xff\xfe\r\n\xe2\x80\xae").ljust(1 << 20, b"z")
FILE = f"id;name\r\n1;{SCRIPT}\r\n".encode() + b"2;\xff\x00".replace(b"\0", b"\x07")
HOSTILE = f"odd/..%2f?#{SCRIPT}"
#: The number of the file.
FILE_ID = 1
_MORE = b"""
INSERT INTO feed_files (provider, feed, name, digest, size, received_at, business_day, verdict,
                        records, refused, covers_from, covers_to)
VALUES ('lottery', 'statement', %(name)s, %(digest)s, %(size)s, '2026-06-04 13:00Z',
        '2026-06-04', 'partly', 2, 1, '2026-06-04 08:00Z', '2026-06-04 09:00Z');
INSERT INTO feed_file_parts (file_id, part, bytes) VALUES (1, 0, %(content)s);
INSERT INTO feed_findings (finding_id, provider, feed, scope, kind, severity, file, line,
                           detail, first_seen, last_seen, resolved_at)
VALUES ('fnd-0123456789abcdef0123', 'lottery', 'statement', encode(%(digest)s, 'hex'),
        'unparsable_record', 'error', %(name)s, 3, %(name)s, now(), now(), now());
INSERT INTO seals (day, previous, hash, batches, operations, entries, deliveries, layout)
VALUES ('2020-01-01', repeat('0', 64), 'c0ffee' || repeat('1', 58), 1, 2, 3, 4, '{}')
"""


@pytest.fixture(scope="module")
def things(console_books: ConsoleBooks) -> ConsoleBooks:
    """More than breaks: hostile bytes, a repeat, a deposit, a file and a seal."""
    url = console_books.books.url
    hostile = bet("hostile", 5, round_id=HOSTILE)
    accept(url, hostile, headers=f"user-agent: {SCRIPT}\nx-request-id: 7", body=BODY)
    accept(url, hostile, deposit("gift", 700))
    signed = sign_sportsbook("", b"{}", b"secret")
    headers = "\n".join(f"{name}: {value}" for name, value in signed.headers.items())
    accept(url, bet("signed", 3, round_id="r-signed"), headers=headers, body=signed.body)
    post_all_at(url)
    name = f"{SCRIPT}.csv"
    params = {"name": name, "content": FILE, "size": len(FILE)}
    params["digest"] = hashlib.blake2b(FILE, digest_size=32).digest()
    with psycopg.connect(url) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_MORE, params)
    return console_books
