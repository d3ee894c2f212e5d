"""The settings in force, with secrets struck out, and where each comes from."""

from collections import Counter

from console.config import Visit
from console.replies import HtmlPage
from console.sentences import counted


def show(visit: Visit) -> HtmlPage:
    """Every setting; defaults only if they are asked for."""
    lines = visit.config.settings
    chosen = [line for line in lines if line.source != "default"]
    shows_defaults = "defaults" in visit.query or not chosen
    sources = Counter(line.source for line in chosen)
    origins = ", ".join(f"{count} in {source}" for source, count in sorted(sources.items()))
    values = {
        "sentence": f"{counted(len(chosen), 'value')} set: {origins}. The rest are defaults."
        if chosen
        else "Every setting has its default.",
        "lines": lines if shows_defaults else chosen,
        "shows_defaults": shows_defaults,
        "defaults": len(lines) - len(chosen),
    }
    return HtmlPage(template="records/settings.html", values=values)
