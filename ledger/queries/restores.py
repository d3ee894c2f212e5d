"""Read restores of the database: which there were, and what became of a lost transaction."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.clock import iso
from vocabulary.ids import TransactionPosition, transaction_id

_LOSS = """
SELECT r.epoch, r.begun_at,
       (SELECT transaction_name(o.wallet_id, o.wallet_seq) FROM operations o
         WHERE o.wallet_id = :wallet_id AND o.wallet_seq = :wallet_seq) AS there_now,
       (SELECT transaction_name(o.wallet_id, o.wallet_seq)
          FROM audit a JOIN operations o ON o.provider = a.detail ->> 'provider'
                                        AND o.op_key = a.detail ->> 'operation'
         WHERE a.subject = :transaction AND a.action = 'operation.recovered'
         LIMIT 1) AS recovered_as
  FROM restores r WHERE r.epoch > :epoch ORDER BY r.epoch LIMIT 1
"""
_EPOCHS = "SELECT epoch, after_batch FROM restores ORDER BY epoch"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreLoss:
    """Why a transaction that once had an id may be missing.

    Attributes:
        begun_at: when the restore began that took it back, if it ever existed.
        there_now: our id of what has its position now; None: nothing has.
        recovered_as: the id under which a recovery booked it again; None: none did.
    """

    transaction: str
    begun_at: datetime
    there_now: str | None
    recovered_as: str | None = None

    @property
    def text(self) -> str:
        """The loss in sentences."""
        if self.recovered_as:
            return (
                f"{self.transaction} was taken back by the restore of the database that began"
                f" at {iso(self.begun_at)}, and booked again as {self.recovered_as}."
            )
        now = f" Its position now holds {self.there_now}." if self.there_now else ""
        return (
            f"{self.transaction} is not in the books: if it ever was, the restore of the"
            f" database that began at {iso(self.begun_at)} took it back.{now}"
        )


@dataclass(frozen=True, slots=True)
class Epochs:
    """The epochs of the books: each begins after a batch."""

    starts: tuple[tuple[int, int], ...] = ()

    def of_batch(self, batch_id: int) -> int:
        """The epoch of the transaction ids of a batch."""
        return max((e for e, after in self.starts if after < batch_id), default=0)


def loss_of(connection: Connection, position: TransactionPosition) -> RestoreLoss | None:
    """Why no transaction has this id; None if no restore can have taken it back."""
    name = transaction_id(*position)
    params = {**position._asdict(), "transaction": name}
    row = connection.execute(text(_LOSS), params).one_or_none()
    if row is None:
        return None
    return RestoreLoss(
        transaction=name,
        begun_at=row.begun_at,
        there_now=row.there_now,
        recovered_as=row.recovered_as,
    )


def read_epochs(connection: Connection) -> Epochs:
    """The epochs of the books."""
    return Epochs(
        tuple((row.epoch, row.after_batch) for row in connection.execute(text(_EPOCHS)))
    )
