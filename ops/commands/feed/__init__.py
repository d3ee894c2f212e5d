"""``tieout feed``."""

from ops.commands.feed.group import app

__all__ = ["app"]
