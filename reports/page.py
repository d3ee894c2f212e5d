"""The pack as one HTML file that needs nothing else: styles and charts are inside."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reconcile.result import iso
from reports.charts import breaks_by_kind, revenue_by_game
from reports.grids import Amount, Value, grids
from reports.pack import Pack


def write_page(pack: Pack, path: Path) -> Path:
    """Write the page; returns its path."""
    path.write_text(render_page(pack), encoding="utf-8")
    return path


def render_page(pack: Pack) -> str:
    """The page as text; everything a provider or player wrote is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["iso"] = iso
    environment.filters["minute"] = _minute
    environment.filters["words"] = lambda name: name.replace("_", " ")
    charts = [
        # Our own renderer's output, which escapes what it draws.
        Markup(svg)  # noqa: S704
        for svg in (breaks_by_kind(pack), revenue_by_game(pack))
        if svg
    ]
    return environment.get_template("page.html").render(
        pack=pack,
        charts=charts,
        money=lambda minor, currency: _money(pack, minor, currency),
        grids=[grid for grid in grids(pack) if grid.rows],
        shown=lambda value: _shown(pack, value),
    )


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def _shown(pack: Pack, value: Value) -> str:
    if isinstance(value, Amount):
        return _money(pack, value.minor, value.currency)
    return value if isinstance(value, str) else f"{value:,}"


def _money(pack: Pack, minor: int, currency: str) -> str:
    return f"{pack.amount(minor, currency):,f}" if currency else ""
