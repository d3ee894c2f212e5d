"""Ten statement files as people send them, with what each says and what a person knows."""

import datetime as dt
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import openpyxl

#: An id, a round, a player, a currency, stake, payout, undone, an instant: as it is stored.
Record = tuple[str, str, str, str, int, int, bool, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """A file, and what only a person knows.

    Attributes:
        truth: its records.
        answers: words of a question to the setting that answers it, and its value.
    """

    name: str
    data: bytes
    truth: Sequence[Record]
    answers: Mapping[str, tuple[str, object]] = field(default_factory=dict)


def bet(own: str, player: str, currency: str, minor: int, at: str) -> Record:
    return (own, own, player, currency, minor, 0, False, at)


def win(own: str, player: str, currency: str, minor: int, at: str) -> Record:
    return (own, own, player, currency, 0, minor, False, at)


def undone(own: str, original: str, player: str, currency: str, minor: int, at: str) -> Record:
    return (own, original, player, currency, minor, 0, True, at)


GERMAN = ForeignFile(
    name="Umsätze Juni.csv",
    data=(
        "Umsatzanzeige;Casino Nord GmbH\r\nZeitraum;01.06.2026 - 30.06.2026\r\n\r\n"
        "Buchungsnummer;Vorgang;Spieler;Währung;Betrag;Storno zu;Buchungszeit;Zweck\r\n"
        "B-1001;Einsatz;müller;EUR;1.234,56;;04.06.2026 11:30:00;Roulette\r\n"
        'B-1002;Gewinn;müller;EUR;10,00;;04.06.2026 11:31:00;"Slot; ""Löwe"""\r\n'
        "B-1003;Storno;müller;EUR;1.234,56;B-1001;24.06.2026 11:32:00;\r\n"
        "Summe;3\r\n"
    ).encode("latin-1"),
    truth=(
        bet("B-1001", "müller", "EUR", 123456, "2026-06-04T09:30:00+00:00"),
        win("B-1002", "müller", "EUR", 1000, "2026-06-04T09:31:00+00:00"),
        undone("B-1003", "B-1001", "müller", "EUR", 123456, "2026-06-24T09:32:00+00:00"),
    ),
    answers={"Instants have no zone": ("timezone", "Europe/Berlin")},
)
FRENCH = ForeignFile(
    name="releve.csv",
    data=(
        "Nº transaction;Type d'opération;Joueur;Devise;Montant;Transaction annulée;Date\n"
        "7001;Mise;zo\u00e9;EUR;1\u202f234,50;;04/06/2026 11:30:00\n"
        "7002;Gain;zo\u00e9;EUR;12\u202f000,00;;24/06/2026 11:31:00\n"
        "7003;Annulation;zo\u00e9;EUR;1\u202f234,50;7001;25/06/2026 11:32:00\n"
    ).encode("utf-8-sig"),
    truth=(
        bet("7001", "zoé", "EUR", 123450, "2026-06-04T09:30:00+00:00"),
        win("7002", "zoé", "EUR", 1200000, "2026-06-24T09:31:00+00:00"),
        undone("7003", "7001", "zoé", "EUR", 123450, "2026-06-25T09:32:00+00:00"),
    ),
    answers={"Instants have no zone": ("timezone", "Europe/Paris")},
)
INDIAN = ForeignFile(
    name="txn_report.csv",
    data=(
        "Sr No,Txn ID,Txn Type,Player ID,Currency,Amount (INR),Ref Txn ID of refund,Txn Date\n"
        '1,IN901,Stake,98450,INR,"₹12,34,567.00",,04-Jun-2026 15:00:00\n'
        "2,IN902,Payout,98450,INR,₹500.50,,04-Jun-2026 15:01:00\n"
        '3,IN903,Refund,98450,INR,"₹12,34,567.00",IN901,05-Jun-2026 15:02:00\n'
    ).encode(),
    truth=(
        bet("IN901", "98450", "INR", 123456700, "2026-06-04T09:30:00+00:00"),
        win("IN902", "98450", "INR", 50050, "2026-06-04T09:31:00+00:00"),
        undone("IN903", "IN901", "98450", "INR", 123456700, "2026-06-05T09:32:00+00:00"),
    ),
    answers={"Instants have no zone": ("timezone", "Asia/Kolkata")},
)
AMERICAN = ForeignFile(
    name="ledger export.csv",
    data=(
        b"Account,Transaction Number,Transaction Type,Ccy,Net Amount,Reversed,Posted\n"
        b'1042,A-1,Wager,USD,"$(1,234.56)",,06/04/2026 09:30:00 AM\n'
        b"1042,A-2,Payout,USD,$20.00,,06/05/2026 02:31:00 PM\n"
        b'1042,A-3,Void,USD,"$1,234.56",A-1,06/06/2026 02:32:00 PM\n'
    ),
    truth=(
        bet("A-1", "1042", "USD", 123456, "2026-06-04T13:30:00+00:00"),
        win("A-2", "1042", "USD", 2000, "2026-06-05T18:31:00+00:00"),
        undone("A-3", "A-1", "1042", "USD", 123456, "2026-06-06T18:32:00+00:00"),
    ),
    answers={
        "the day or the month first": ("dates", "%m/%d/%Y %I:%M:%S %p"),
        "Instants have no zone": ("timezone", "America/New_York"),
    },
)
UNICODE_TEXT = ForeignFile(
    name="Sheet1.txt",
    data=(
        "Transaction ID\tAction\tUser\tCurrency\tAmount\tRollback of\tCreated\r\n"
        "t-1\tbet\tигрок\tUSD\t10.00\t\t2026-06-04 09:30\r\n"
        "t-2\tresult\tигрок\tUSD\t12.50\t\t2026-06-04 09:31\r\n"
    ).encode("utf-16"),
    truth=(
        bet("t-1", "игрок", "USD", 1000, "2026-06-04T09:30:00+00:00"),
        win("t-2", "игрок", "USD", 1250, "2026-06-04T09:31:00+00:00"),
    ),
    answers={"Instants have no zone": ("timezone", "UTC")},
)


def _workbook(rows: Sequence[Sequence[object]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


_DAY, _NEXT = dt.date(2026, 6, 4), dt.date(2026, 6, 5)
WORKBOOK = ForeignFile(
    name="June.xlsx",
    data=_workbook(
        [
            ["Casino statement"],
            ["Period", "June 2026", None, "Currency", "EUR"],
            [],
            [
                "Date",
                "Time",
                "TZ",
                "Ticket",
                "Kind",
                "Client",
                "Curr",
                "Value",
                "Original ticket",
            ],
            [_DAY, dt.time(11, 30), "+02:00", 1001, "Bet", 42, "EUR", 10.5, None],
            [
                _DAY,
                dt.time(11, 31, 5),
                "+02:00",
                1002,
                "Win",
                42,
                "EUR",
                60.599999999999994,
                None,
            ],
            [_NEXT, dt.time(11, 32), "+02:00", 1003, "Cancelled", 42, "EUR", 10.5, 1001],
        ]
    ),
    truth=(
        bet("1001", "42", "EUR", 1050, "2026-06-04T09:30:00+00:00"),
        win("1002", "42", "EUR", 6060, "2026-06-04T09:31:05+00:00"),
        undone("1003", "1001", "42", "EUR", 1050, "2026-06-05T09:32:00+00:00"),
    ),
)
JSON_ARRAY = ForeignFile(
    name="export.json",
    data=json.dumps(
        [
            {
                "transactionId": "t-1",
                "type": "DEBIT",
                "playerId": "42",
                "currencyCode": "USD",
                "amount": 10.5,
                "originalTransactionId": None,
                "createdAt": "2026-06-04T09:30:00Z",
                "game": "slots",
            },
            {
                "transactionId": "t-2",
                "type": "CREDIT",
                "playerId": "42",
                "currencyCode": "USD",
                "amount": 3,
                "originalTransactionId": None,
                "createdAt": "2026-06-04T09:31:00.123456789Z",
                "game": "slots",
            },
            {
                "transactionId": "t-3",
                "type": "REFUND",
                "playerId": "42",
                "currencyCode": "USD",
                "amount": 10.5,
                "originalTransactionId": "t-1",
                "createdAt": "2026-06-04T09:32:00Z",
                "game": "slots",
            },
        ],
        indent=2,
    ).encode(),
    truth=(
        bet("t-1", "42", "USD", 1050, "2026-06-04T09:30:00+00:00"),
        win("t-2", "42", "USD", 300, "2026-06-04T09:31:00.123456+00:00"),
        undone("t-3", "t-1", "42", "USD", 1050, "2026-06-04T09:32:00+00:00"),
    ),
)
MINOR_UNITS = ForeignFile(
    name="feed.csv",
    data=(
        b"txid|op|uid|cur|cents|cancels|ts\n"
        b"t-1|BET|42|USD|1050||2026-06-04T09:30:00+00\n"
        b"t-2|CASINO_WIN|42|USD|300||2026-06-04T09:31:00+00\n"
        b"t-3|BONUS_ROUND|42|USD|25||2026-06-04T09:31:30+00\n"
        b"t-4|CANCEL|42|USD|1050|t-1|2026-06-04T09:32:00+00\n"
    ),
    truth=(
        bet("t-1", "42", "USD", 1050, "2026-06-04T09:30:00+00:00"),
        win("t-2", "42", "USD", 300, "2026-06-04T09:31:00+00:00"),
        win("t-3", "42", "USD", 25, "2026-06-04T09:31:30+00:00"),
        undone("t-4", "t-1", "42", "USD", 1050, "2026-06-04T09:32:00+00:00"),
    ),
    answers={
        "if 1000 is 10.00": ("unit", "minor"),
        'What does "BONUS_ROUND" do': ("actions.BONUS_ROUND", "result"),
        "No column is like amount": ("columns.amount", "cents"),
        "No column is like user_id": ("columns.user_id", "uid"),
        "No column is like action": ("columns.action", "op"),
        "No column is like rollback_transaction_id": (
            "columns.rollback_transaction_id",
            "cancels",
        ),
    },
)
PROTECTED = ForeignFile(
    name="excel-safe.csv",
    data=(
        b"sep=;\r\nTxId;Type;Login;Currency;Amount;Original TxId;Date;\r\n"
        b'="001001";bet;="0042";USD;"10,00";NULL;2026-06-04T09:30:00Z;\r\n'
        b'="001002";result;="0042";USD;"1.250,00";NULL;2026-06-04T09:31:00Z;\r\n'
        b'="001003";rollback;="0042";USD;"10,00";="001001";2026-06-04T09:32:00Z;\r\n'
    ),
    truth=(
        bet("001001", "0042", "USD", 1000, "2026-06-04T09:30:00+00:00"),
        win("001002", "0042", "USD", 125000, "2026-06-04T09:31:00+00:00"),
        undone("001003", "001001", "0042", "USD", 1000, "2026-06-04T09:32:00+00:00"),
    ),
)


def _zip(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


ZIPPED = ForeignFile(
    name="june.zip",
    data=_zip(
        "out/june.csv",
        (
            "Generated by BackOffice 7\r\rReport: transactions\r"
            "Player;Tx;Operation;Value;Ccy;Refund of;Processed at\r"
            "anna;t-1;stake;10,00;PLN;;2026.06.04 11:30\r"
            "anna;t-2;win;1 250,50;PLN;;2026.06.04 11:31\r"
            "anna;t-3;void;10,00;PLN;t-1;2026.06.05 11:32"
        ).encode("cp1250"),
    ),
    truth=(
        bet("t-1", "anna", "PLN", 1000, "2026-06-04T09:30:00+00:00"),
        win("t-2", "anna", "PLN", 125050, "2026-06-04T09:31:00+00:00"),
        undone("t-3", "t-1", "anna", "PLN", 1000, "2026-06-05T09:32:00+00:00"),
    ),
    answers={
        "Instants have no zone": ("timezone", "Europe/Warsaw"),
        "The last line has no line break": ("final_newline", False),
    },
)
FOREIGN: tuple[ForeignFile, ...] = (
    GERMAN,
    FRENCH,
    INDIAN,
    AMERICAN,
    UNICODE_TEXT,
    WORKBOOK,
    JSON_ARRAY,
    MINOR_UNITS,
    PROTECTED,
    ZIPPED,
)
