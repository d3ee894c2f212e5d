"""``tieout ledger``."""

from ops.commands.ledger.group import app

__all__ = ["app"]
