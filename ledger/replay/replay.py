"""Replay: the books built again from the stored bytes, and compared row by row.

Every wallet's chain is decided again in its own order: verify, parse, decide, respond, with the
dialects of today. The result is compared with what stands: key, kind, decision, amounts,
balances, fingerprints, reply bytes; at the end of a chain, the wallet itself. Then every
delivery is heard again. Memory holds one range of wallets and one chunk of rows.
"""

from collections.abc import Callable, Iterable

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from ledger.accepting.cache import ReadSet, needs_of
from ledger.accepting.model import OperationKey, Request, Wallet
from ledger.enums import OWN
from ledger.replay.chain import RecomputedChain, ReferencedRows, follow, listen
from ledger.replay.decode import UNVERIFIABLE, DecodedDelivery, hear
from ledger.replay.deliveries import check, keys_named
from ledger.replay.reader import Reader, StoredDelivery, StoredOperation, WalletRange
from ledger.replay.report import FieldDifferences, ProviderDecoders, ReplayResult, ReplayWindow
from vocabulary.errors import Unavailable
from vocabulary.ids import transaction_id

#: Told how many rows there are, and how many more are done.
Announce = Callable[[int], Callable[[int], None]]


def replay(
    engine: Engine,
    voices: ProviderDecoders,
    *,
    window: ReplayWindow | None = None,
    announce: Announce,
) -> ReplayResult:
    """Replay a window of the books on one snapshot.

    Raises:
        Unavailable: the database is out of reach.
    """
    wanted = window or ReplayWindow()
    seen = ReplayResult()
    try:
        with engine.connect() as connection:
            connection.execute(
                text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            )
            reader = Reader(connection, wanted)
            progress = announce(reader.count())
            for among in reader.ranges():
                _Range(reader, voices, wanted, seen).replay(among, progress)
            for kept in reader.deliveries():
                _deliveries(reader, voices, kept, seen)
                progress(len(kept))
    except OperationalError as error:
        raise Unavailable("replay: the database is out of reach") from error
    return seen


class _Range:
    """One range of wallets on its way through the shadow."""

    def __init__(
        self, reader: Reader, voices: ProviderDecoders, window: ReplayWindow, seen: ReplayResult
    ) -> None:
        self._reader = reader
        self._voices = voices
        self._window = window
        self._seen = seen
        self._now: dict[int, Wallet] = {}
        self._shadow: RecomputedChain | None = None

    def replay(self, among: WalletRange, progress: Callable[[int], None]) -> None:
        """Follow every chain of the range to its end."""
        self._now = self._reader.wallets(among)
        for rows in self._reader.operations(among):
            self._follow(rows)
            progress(len(rows))
        self._end()
        if self._window.since is None:
            for wallet in list(self._now.values()):
                self._compare(self._start(wallet.wallet_id))

    def _follow(self, rows: list[StoredOperation]) -> None:
        heard = self._hear(rows)
        undone = {(x.row.provider, x.row.reverses) for x in rows if x.row.reverses is not None}
        around = self._look_up([one.request for one in heard if one and one.request], undone)
        for stored, one in zip(rows, heard, strict=True):
            shadow = self._of(stored.row.wallet_id)
            fields = follow(shadow, stored, one, around, self._seen)
            row = stored.row
            self._seen.differ(
                row=transaction_id(row.wallet_id, row.wallet_seq),
                provider=row.provider,
                op_key=row.op_key,
                fields=fields,
            )
        if self._shadow is not None:
            self._shadow.settle()

    def _hear(self, rows: list[StoredOperation]) -> list[DecodedDelivery | None]:
        return [listen(one, self._voices, self._window, self._seen) for one in rows]

    def _look_up(
        self, requests: Iterable[Request], undone: set[OperationKey]
    ) -> ReferencedRows:
        needs: ReadSet = needs_of(requests)
        handles = {(slug, handle) for slug, handle, _ in needs.wallets if slug != OWN}
        return ReferencedRows(
            self._reader.known(needs.own | needs.named | undone),
            self._reader.wallet_ids(handles),
        )

    def _of(self, wallet_id: int) -> RecomputedChain:
        if self._shadow is None or self._shadow.wallet.wallet_id != wallet_id:
            self._end()
            wallet = self._start(wallet_id)
            self._shadow = RecomputedChain(wallet, first=wallet.seq + 1)
        return self._shadow

    def _wallet(self, wallet_id: int) -> Wallet:
        """The wallet as it stands; an empty one where operations have none."""
        missing = Wallet(wallet_id, f"wallet {wallet_id}", "", 0, 0, 0, blocked=False)
        return self._now.get(wallet_id, missing)

    def _start(self, wallet_id: int) -> Wallet:
        """The wallet before its first operation."""
        now = self._wallet(wallet_id)
        return Wallet(wallet_id, now.player, now.currency, 0, 0, 0, blocked=False)

    def _end(self) -> None:
        if self._shadow is not None:
            self._compare(self._shadow.wallet)
            self._shadow = None

    def _compare(self, shadow: Wallet) -> None:
        """Compare a wallet with its shadow, where the chain was followed to its end."""
        self._seen.wallets += 1
        stands = self._now.pop(shadow.wallet_id, None)
        if self._window.until is not None:
            return
        fields: FieldDifferences = (
            [("wallet", "missing", shadow.wallet_id)] if stands is None else []
        )
        if stands is not None:
            fields = [
                (name, getattr(stands, name), getattr(shadow, name))
                for name in Wallet.__struct_fields__
                if getattr(stands, name) != getattr(shadow, name)
            ]
        who = f"wallet {shadow.wallet_id} ({shadow.player} {shadow.currency})"
        self._seen.differ(row=who, provider="", op_key="", fields=fields)


def _deliveries(
    reader: Reader, voices: ProviderDecoders, kept: list[StoredDelivery], seen: ReplayResult
) -> None:
    heard = [None if one.row.provider == OWN else hear(one.row, voices) for one in kept]
    pairs = list(zip(kept, heard, strict=True))
    keys = {key for one, said in pairs for key in keys_named(one.row, said)}
    known = reader.known(keys)
    for one, said in pairs:
        seen.deliveries += 1
        name = f"delivery {one.delivery_id}"
        if said is not None and said.told == UNVERIFIABLE:
            seen.cannot_verify(name)
        seen.differ(
            row=name,
            provider=one.row.provider,
            op_key=one.row.op_key or "",
            fields=check(one.row, said, known),
        )
