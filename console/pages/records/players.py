"""One player: wallets, statement, limits, rounds, deposits and breaks, at every provider."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from breaks.lists.paging import BreakOrder, page_of_breaks
from breaks.lists.queries import BreakFilter
from console.addresses import address
from console.config import Visit
from console.pages.parameters import read_day, read_name, read_position
from console.replies import HtmlPage, not_found
from console.sentences import counted
from ledger.queries.player_status import PlayerStatus, statuses_of
from ledger.queries.wallet_pages import (
    FUNDING_KINDS,
    PlayerWallet,
    WalletPage,
    handles_of,
    last_before,
    page_after,
    page_before,
    player_since,
    rounds_of_stretch,
    wallets_of,
)
from storage.archive.row_cut import rows_begin_at
from vocabulary.window import day_window

#: Lines of a statement on one page.
PAGE_ROWS = 50
#: Operations whose rounds are listed, and the most rounds and breaks that are.
RECENT_OPERATIONS, RECENT_MAX = 200, 20
HANDLES_MAX = 50


def show(visit: Visit) -> HtmlPage:
    """The player, with the statement of one wallet."""
    player = read_name("player", visit.path["player"])
    statuses = statuses_of(visit.console.readers, player, at=visit.now)
    with visit.console.readers.connect() as connection:
        since = player_since(connection, player)
        if since is None:
            raise not_found("player", player)
        wallets = wallets_of(connection, player)
        wallet = _chosen(wallets, visit.query.get("currency"))
        values = {
            "player": player,
            "since": since,
            "statuses": statuses,
            "sentence": sentence_of(player, statuses),
            "handles": handles_of(connection, player, limit=HANDLES_MAX),
            "wallet": wallet,
            "breaks": page_of_breaks(
                connection,
                BreakFilter(player=player, include_closed=True),
                order=BreakOrder.MONEY,
                after=None,
                limit=RECENT_MAX,
            ),
            **_of_wallet(visit, connection, player, wallet),
            "rows_begin_at": rows_begin_at(connection),
            "exponents_by": visit.config.exponents,
        }
    return HtmlPage(template="records/player.html", values=values)


def sentence_of(player: str, statuses: Sequence[PlayerStatus]) -> str:
    """How the player's wallets stand, in a sentence."""
    if not statuses:
        return f"{player} has no wallet yet."
    states = sorted({status.state.replace("_", "-") for status in statuses})
    owing = [status.currency for status in statuses if status.owed]
    debt = f" and owes us in {', '.join(owing)}" if owing else ""
    return f"{player} has {counted(len(statuses), 'wallet')}, {', '.join(states)}{debt}."


def _chosen(wallets: Sequence[PlayerWallet], currency: str | None) -> PlayerWallet | None:
    """The wallet of a currency; the first one if none is asked for."""
    if currency:
        for wallet in wallets:
            if wallet.currency == currency:
                return wallet
        raise not_found("currency of this player", read_name("currency", currency))
    return wallets[0] if wallets else None


def _of_wallet(
    visit: Visit, connection: Connection, player: str, wallet: PlayerWallet | None
) -> dict[str, Any]:
    if wallet is None:
        return {"page": None, "funds": False, "rounds": [], "older": "", "newer": ""}
    is_funds = visit.query.get("only") == "funds"
    page = _page(visit, connection, wallet, is_funds=is_funds)
    common = {"currency": wallet.currency, "only": "funds" if is_funds else None}
    here = ("players", player)
    is_older, is_newer = page.older is not None, page.newer is not None and not is_funds
    return {
        "page": page,
        "funds": is_funds,
        "older": address(*here, **common, before=page.older) if is_older else "",
        "newer": address(*here, **common, after=page.newer) if is_newer else "",
        "rounds": rounds_of_stretch(
            connection, wallet, last=RECENT_OPERATIONS, limit=RECENT_MAX
        ),
    }


def _page(
    visit: Visit, connection: Connection, wallet: PlayerWallet, *, is_funds: bool
) -> WalletPage:
    before = read_position("before", visit.query.get("before"))
    after = read_position("after", visit.query.get("after"))
    day = read_day(visit.query.get("from"))
    if is_funds:
        return page_before(connection, wallet, before, limit=PAGE_ROWS, kinds=FUNDING_KINDS)
    if day is not None and before is None and after is None:
        start = day_window(day, ZoneInfo("UTC")).start
        after = last_before(connection, wallet, start)
    if after is not None:
        return page_after(connection, wallet, after, limit=PAGE_ROWS)
    return page_before(connection, wallet, before, limit=PAGE_ROWS)
