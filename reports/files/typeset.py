"""Documents to print and to sign: a Typst template and its data become one PDF.

The data reaches the template as values, never as markup, so a name that a provider chose cannot
change the page. Only the fonts that Typst brings are used, and no date is written: the same
template and data give the same bytes on every machine.
"""

import json
from collections.abc import Mapping

import typst


def pdf(template: bytes, document: Mapping[str, object]) -> bytes:
    """The PDF of a template and what it shows.

    Args:
        template: Typst source. It reads its data with `json(bytes(sys.inputs.document))` and
            sets `document(date: none)`.
        document: Texts, lists and mappings of them. Money is text already.

    Raises:
        typst.TypstError: The template is faulty, or asks for data that is not there.
    """
    return typst.compile(
        template,
        sys_inputs={"document": json.dumps(document)},
        ignore_system_fonts=True,
    )
