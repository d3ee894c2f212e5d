"""Arrays as PostgreSQL reads them, for parameters of thousands of texts."""

from collections.abc import Sequence


def array_text(texts: Sequence[str]) -> str:
    """An array of texts as one text; psycopg looks at each element of a list on its own."""
    if not texts:
        return "{}"
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        joined = '","'.join([_escaped(text) for text in texts])
    return f'{{"{joined}"}}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
