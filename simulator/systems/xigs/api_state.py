"""The state of the platform: users, sessions with rounds, webhooks and their log.

Every row is the JSON object that a list shows; its amounts are numbers of
``simulator.protocol.json_text``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.api.games import NameMint
from simulator.protocol.history_lines import HistoryLine, RunSpan
from simulator.protocol.instants import instant_text
from simulator.systems.xigs.statement import round_document

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100

XigsRow = dict[str, Any]
Rows = Sequence[XigsRow]


@dataclass(slots=True, kw_only=True)
class XigsState:
    """All rows, by id."""

    profiles: dict[str, XigsRow] = field(default_factory=dict)
    users: dict[str, XigsRow] = field(default_factory=dict)
    user_tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, XigsRow] = field(default_factory=dict)
    rounds: dict[str, list[XigsRow]] = field(default_factory=dict)
    webhooks: dict[str, XigsRow] = field(default_factory=dict)
    deliveries: dict[str, list[XigsRow]] = field(default_factory=dict)

    def user(self, kind: str, credential: str, names: NameMint, now: datetime) -> str:
        """The user of a credential, created if there is none."""
        for number, user in self.users.items():
            if (user["credentialType"], user["credential"]) == (kind, credential):
                return number
        number = names.uuid()
        self.users[number] = {
            "userId": number,
            "credential": credential,
            "credentialType": kind,
            "balance": 0,
            "createdAt": instant_text(now),
        }
        return number

    def open_session(
        self, number: str, *, user: str, game: str, now: datetime, until: str
    ) -> None:
        """Keep a session without rounds."""
        self.sessions[number] = {
            "sessionId": number,
            "gameId": game,
            "userId": user,
            "createdAt": instant_text(now),
            "expiresAt": until,
        }
        self.rounds[number] = []

    def play(
        self, lines: Iterable[HistoryLine], span: RunSpan, *, game: str, until: datetime
    ) -> None:
        """Keep the rounds of a history, each in the one session of its player."""
        for line in lines:
            number = f"session-{line.handle}"
            if number not in self.sessions:
                began = span.at(line.place)
                self.open_session(
                    number, user=line.handle, game=game, now=began, until=instant_text(until)
                )
            self.rounds[number].append({**round_document(line, span), "gameId": game})

    def register(
        self, number: str, url: str, triggers: list[str], token: str, now: datetime
    ) -> None:
        """Keep a webhook to which nothing was delivered yet."""
        self.webhooks[number] = {
            "id": number,
            "url": url,
            "eventTriggers": triggers,
            "signatureToken": token,
            "status": "active",
            "createdAt": instant_text(now),
            "lastTriggered": None,
            "failureCount": 0,
            "successCount": 0,
        }
        self.deliveries[number] = []

    def delivered(
        self, webhook: str, payload: XigsRow, *, status: int, body: str, now: datetime
    ) -> None:
        """Log one delivery and what it was answered."""
        row, log = self.webhooks[webhook], self.deliveries[webhook]
        good = status == 200
        row["lastTriggered"] = instant_text(now)
        row["successCount" if good else "failureCount"] += 1
        log.append(
            {
                "id": f"{webhook}-{len(log) + 1}",
                "webhookId": webhook,
                "eventType": payload.get("eventType"),
                "payload": payload,
                "responseCode": status,
                "responseBody": body,
                "success": good,
                "status": "success" if good else "failed",
                "duration": 1,
                "timestamp": instant_text(now),
                "retryCount": 0,
                "errorMessage": None if good else f"status {status}",
            }
        )

    def session_rows(self, *, whole: bool) -> list[XigsRow]:
        """Every session with its counts; ``whole``: with its rounds and transactions too."""
        return [self._session(number, whole=whole) for number in self.sessions]

    def transaction_rows(self) -> list[XigsRow]:
        """Every bet, and the prize of every closed round."""
        return [
            movement
            for number in self.sessions
            for document in self.rounds[number]
            for movement in _transactions(document)
        ]

    def _session(self, number: str, *, whole: bool) -> XigsRow:
        rounds = self.rounds[number]
        won = sum(
            document["status"] == "closed" and document["prize"].minor > 0
            for document in rounds
        )
        row = {**self.sessions[number], "betWins": won, "totalBets": len(rounds)}
        if not whole:
            return row
        shown = [{**document, "transactions": _transactions(document)} for document in rounds]
        return {**row, "rounds": shown}


def _transactions(document: XigsRow) -> list[XigsRow]:
    kinds = [("bet", "createdAt")]
    if document["status"] == "closed":
        kinds.append(("prize", "updatedAt"))
    return [
        {
            "transactionId": f"{document['roundId']}-{kind}",
            "roundId": document["roundId"],
            "userId": document["userId"],
            "type": kind,
            "amount": document[kind],
            "currency": document["currency"],
            "createdAt": document[at],
        }
        for kind, at in kinds
    ]


def page_of(
    rows: Rows, query: Mapping[str, str], filters: Sequence[str]
) -> tuple[list[XigsRow], dict[str, int]] | None:
    """One page and its place in the list, or None where the query makes no sense."""
    number, size = _whole(query, "pageIndex", 1), _whole(query, "pageSize", PAGE_SIZE)
    if number is None or size is None or not (number >= 1 and 1 <= size <= PAGE_SIZE_MAX):
        return None
    wanted = [row for row in rows if _is_wanted(row, query, filters)]
    pagination = {
        "pageIndex": number,
        "pageSize": size,
        "totalCount": len(wanted),
        "totalPages": -(-len(wanted) // size),
    }
    return wanted[(number - 1) * size : number * size], pagination


def _is_wanted(row: XigsRow, query: Mapping[str, str], filters: Sequence[str]) -> bool:
    if any(name in query and row.get(name) != query[name] for name in filters):
        return False
    # Days are compared as text: both sides begin with YYYY-MM-DD.
    day = str(row.get("createdAt") or row.get("timestamp") or "")[:10]
    return query.get("dateStart", day) <= day <= query.get("dateEnd", day)


def _whole(query: Mapping[str, str], name: str, default: int) -> int | None:
    text = query.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() else None
