"""XML without its dangers: no document type, so no entities; bounded; errors with line and column."""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder, indent, tostring
from xml.parsers import expat

from salesprocess.formats.text_source import MAX_DEPTH, MAX_VALUES, Place, refuse, text_of

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"


def parse(source: str | bytes, name: str, root: str) -> Element:
    """The document's root element, which must be the one named; tags come without their namespace.

    Raises:
        DefinitionError: for what is no such XML, has a document type, or breaks a bound.
    """
    text = text_of(source, name)
    parser = expat.ParserCreate("utf-8", namespace_separator="}")
    builder = TreeBuilder()
    depth = count = 0

    def here() -> Place:
        return Place(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    def doctype(*_: object) -> None:
        refuse(name, "doctype", "a document type is refused: it could define entities", place=here())

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1 + len(attributes)
        if depth > MAX_DEPTH or count > MAX_VALUES:
            code = "too_deep" if depth > MAX_DEPTH else "too_many"
            message = f"a document may be nested {MAX_DEPTH} deep and hold {MAX_VALUES:,} elements"
            refuse(name, code, message, place=here())
        builder.start(tag.rpartition("}")[2], attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag.rpartition("}")[2])

    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        refuse(name, "bad_xml", expat.ErrorString(error.code), place=Place(error.lineno, error.offset + 1))
    element = builder.close()
    if element.tag != root:
        refuse(name, "bad_root", f"expected <{root}>, found <{element.tag}>")
    return element


def write(root: Element, name: str) -> str:
    """The element as an XML document.

    Raises:
        DefinitionError: for text with a character that XML cannot hold.
    """
    root.set("xmlns", NAMESPACE)
    indent(root, "    ")
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
    # The stdlib writes control characters as they are, which no XML reader takes back.
    parse(text, name, root.tag)
    return text
