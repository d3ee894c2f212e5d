import re

import pytest
import typst

from reports.files import typeset

TEMPLATE = b"""
#let data = json(bytes(sys.inputs.document))
#set document(title: data.title, date: none)
= #data.title
#table(columns: 2, ..data.rows.flatten())
"""
STATEMENT = {"title": "Statement", "rows": [["ours", "990.10 USD"], ["theirs", "996.29 USD"]]}


def test_the_same_data_gives_the_same_bytes() -> None:
    document = typeset.pdf(TEMPLATE, STATEMENT)

    assert document.startswith(b"%PDF-")
    assert document == typeset.pdf(TEMPLATE, STATEMENT)


def test_no_date_is_written() -> None:
    assert not re.search(
        rb"CreationDate|ModDate|xmp:CreateDate", typeset.pdf(TEMPLATE, STATEMENT)
    )


def test_markup_in_the_data_stays_text() -> None:
    """A name that reads a file would fail here: a template has no files beside it."""
    typeset.pdf(TEMPLATE, {"title": '#read("/etc/passwd") *$', "rows": [["#panic()", "</w>"]]})


def test_a_template_that_asks_for_missing_data_is_refused() -> None:
    with pytest.raises(typst.TypstError, match="title"):
        typeset.pdf(TEMPLATE, {"rows": []})
