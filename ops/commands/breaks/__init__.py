"""``tieout breaks``."""

from ops.commands.breaks.group import app

__all__ = ["app"]
