"""``tieout reconcile``."""

from ops.commands.reconcile.group import app

__all__ = ["app"]
