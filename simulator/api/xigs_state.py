"""What the scratch-card platform keeps: users, sessions with rounds, webhooks and their log.

Every row is the JSON object that a list shows; its amounts are numbers of
``simulator.protocol.json_text``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.api.games import NameMint
from simulator.history.lines import HistoryLine, RunSpan
from simulator.history.statements import round_document
from simulator.protocol.instants import instant_text
from simulator.protocol.messages import ProviderSystem

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100

XigsRow = dict[str, Any]
Rows = Sequence[XigsRow]


@dataclass(slots=True, kw_only=True)
class XigsState:
    """Everything kept, by id."""

    profiles: dict[str, XigsRow] = field(default_factory=dict)
    users: dict[str, XigsRow] = field(default_factory=dict)
    user_tokens: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, XigsRow] = field(default_factory=dict)
    rounds: dict[str, list[XigsRow]] = field(default_factory=dict)
    webhooks: dict[str, XigsRow] = field(default_factory=dict)
    deliveries: dict[str, list[XigsRow]] = field(default_factory=dict)

    def user(self, kind: str, credential: str, names: NameMint, now: datetime) -> str:
        """The user of a credential, made where there is none."""
        for number, held in self.users.items():
            if (held["credentialType"], held["credential"]) == (kind, credential):
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
        """Keep the rounds of a told history, each in the one session of its player."""
        for line in lines:
            if line.side is not ProviderSystem.XIGS:
                continue
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
        held, log = self.webhooks[webhook], self.deliveries[webhook]
        good = status == 200
        held["lastTriggered"] = instant_text(now)
        held["successCount" if good else "failureCount"] += 1
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
            for told in self.rounds[number]
            for movement in _transactions(told)
        ]

    def _session(self, number: str, *, whole: bool) -> XigsRow:
        rounds = self.rounds[number]
        won = sum(told["status"] == "closed" and told["prize"].minor > 0 for told in rounds)
        row = {**self.sessions[number], "betWins": won, "totalBets": len(rounds)}
        if not whole:
            return row
        shown = [{**told, "transactions": _transactions(told)} for told in rounds]
        return {**row, "rounds": shown}


def _transactions(told: XigsRow) -> list[XigsRow]:
    kinds = [("bet", "createdAt")]
    if told["status"] == "closed":
        kinds.append(("prize", "updatedAt"))
    return [
        {
            "transactionId": f"{told['roundId']}-{kind}",
            "roundId": told["roundId"],
            "userId": told["userId"],
            "type": kind,
            "amount": told[kind],
            "currency": told["currency"],
            "createdAt": told[at],
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
    kept = [row for row in rows if _is_wanted(row, query, filters)]
    pagination = {
        "pageIndex": number,
        "pageSize": size,
        "totalCount": len(kept),
        "totalPages": -(-len(kept) // size),
    }
    return kept[(number - 1) * size : number * size], pagination


def _is_wanted(row: XigsRow, query: Mapping[str, str], filters: Sequence[str]) -> bool:
    if any(name in query and row.get(name) != query[name] for name in filters):
        return False
    # Days are compared as text: both sides begin with YYYY-MM-DD.
    day = str(row.get("createdAt") or row.get("timestamp") or "")[:10]
    return query.get("dateStart", day) <= day <= query.get("dateEnd", day)


def _whole(query: Mapping[str, str], name: str, default: int) -> int | None:
    text = query.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() else None
