"""The check of ``listed_breaks``, from which every list of breaks and its count is read."""

from ledger.checks.check import BookCheck
from storage.listed_breaks import DIFFERS, MIRRORED

_OTHER_COLUMNS = ", ".join(
    f"CASE WHEN t.{name} IS DISTINCT FROM {mirrored} THEN '{name}' END"
    for name, mirrored in MIRRORED.items()
)

CHECKS: tuple[BookCheck, ...] = (
    BookCheck(
        name="breaks_are_listed",
        promise="every break has a workflow, and a row in listed_breaks that equals both",
        figure="SELECT count(*) FROM {breaks} b",
        # A row that breaks or workflows lack is named whatever the list has: to fill the list
        # anew does not bring it back.
        wrong=f"""SELECT 'break ' || break_id || CASE
                          WHEN b.provider IS NULL THEN ' has no row in breaks'
                          WHEN l.state IS NULL THEN ' has no row in break_workflows'
                          WHEN t.state IS NULL THEN ' has no row in listed_breaks'
                          ELSE ': its row in listed_breaks has another '
                               || concat_ws(', ', {_OTHER_COLUMNS})
                        END
                   FROM {{breaks}} b
                   FULL JOIN {{break_workflows}} l USING (break_id)
                   FULL JOIN {{listed_breaks}} t USING (break_id)
                  WHERE {DIFFERS}""",  # noqa: S608 - our own columns
        remedy="`tieout breaks relist` writes rows of listed_breaks anew; it needs"
        " database.owner_url",
    ),
)
