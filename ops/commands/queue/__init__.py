"""``tieout queue``."""

from ops.commands.queue.group import app

__all__ = ["app"]
