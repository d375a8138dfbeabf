"""XML without its dangers: no document type, so no entities; within limits; errors with line and column."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder, indent, tostring
from xml.parsers import expat

from salesprocess.formats.loading import MAX_DEPTH, MAX_VALUES, Position, refuse, text_of


def parse(source: str | bytes, name: str, root: str) -> Element:
    """Return the document's root element, which must be the one named; tags come without their namespace.

    Raises:
        DefinitionError: for a source that is not such XML, has a document type, or exceeds a limit.
    """
    text = text_of(source, name)
    parser = expat.ParserCreate("utf-8", namespace_separator="}")
    tree = _LimitedTree(parser, name)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = tree.refuse_doctype
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler = tree.builder.data
    _parse(parser, text, name)
    element = tree.builder.close()
    if element.tag != root:
        refuse(name, "bad_root", f"expected <{root}>, found <{element.tag}>")
    return element


class _LimitedTree:
    """Builds the elements as the parser reports them, and stops it at a limit."""

    def __init__(self, parser: expat.XMLParserType, name: str) -> None:
        self.builder = TreeBuilder()
        self._parser = parser
        self._name = name
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._depth += 1
        self._count += 1 + len(attributes)
        if self._depth > MAX_DEPTH or self._count > MAX_VALUES:
            code = "too_deep" if self._depth > MAX_DEPTH else "too_many"
            self._refuse(code, f"a document may be nested {MAX_DEPTH} deep and hold {MAX_VALUES:,} elements")
        self.builder.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        """End the element that was begun last."""
        self._depth -= 1
        self.builder.end(tag.rpartition("}")[2])

    def refuse_doctype(self, *_: object) -> None:
        """Refuse a document type."""
        self._refuse("doctype", "a document type is refused: it could define entities")

    def _refuse(self, code: str, message: str) -> None:
        position = Position(self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)
        refuse(self._name, code, message, position=position)


def write(root: Element) -> str:
    """Return the element as an XML document.

    Raises:
        DefinitionError: for a name or a text that XML cannot hold, such as one with a control character.
    """
    indent(root, "    ")
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
    # The stdlib writes what it is given as it is, also what no XML reader accepts.
    _parse(expat.ParserCreate("utf-8"), text, "the process")
    return text


def _parse(parser: expat.XMLParserType, text: str, name: str) -> None:
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        position = Position(error.lineno, error.offset + 1)
        refuse(name, "bad_xml", expat.ErrorString(error.code), position=position)
