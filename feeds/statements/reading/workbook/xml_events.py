"""XML parts of workbooks as events, in constant memory.

Names come without their namespace, for the transitional and the strict form of Open XML alike.
Elements of other namespaces have no name. A document type is refused: entities of its own can
make a small part huge.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

_NAMESPACES = frozenset(
    {
        "",
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
        "http://schemas.openxmlformats.org/package/2006/relationships",
    }
)

Attributes = Mapping[str, str]


class DamagedXml(ValueError):
    """A part is no well-formed XML, or XML that no workbook has."""


class LocalNames(dict[str, str]):
    """A qualified name to the name without namespace; empty for foreign namespaces."""

    def __missing__(self, qualified: str) -> str:
        """The local name, remembered."""
        namespace, _, name = qualified.rpartition(" ")
        local = self[qualified] = name if namespace in _NAMESPACES else ""
        return local


def new_parser() -> XMLParserType:
    """A parser whose handlers get qualified names: namespace, blank, name."""
    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    return parser


def feed(parser: XMLParserType, chunk: bytes, *, is_last: bool = False) -> None:
    """Parse the next bytes of a part.

    Raises:
        DamagedXml: they are no well-formed XML.
    """
    try:
        parser.Parse(chunk, is_last)
    except ExpatError as error:
        raise DamagedXml(str(error)) from None


def read_elements(chunks: Iterable[bytes], start: Callable[[str, Attributes], None]) -> None:
    """Call ``start`` with the name and attributes of each element of a part.

    Raises:
        DamagedXml: the part is no well-formed XML.
    """
    parser, names = new_parser(), LocalNames()
    parser.StartElementHandler = lambda name, attributes: start(names[name], attributes)
    for chunk in chunks:
        feed(parser, chunk)
    feed(parser, b"", is_last=True)


def _refuse_document_type(*_: object) -> NoReturn:
    raise DamagedXml("no document type is expected")
