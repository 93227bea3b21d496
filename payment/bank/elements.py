"""XML as elements that know their line. No document type, no entities, nothing from outside (defusedxml), no deep nesting."""

from __future__ import annotations

import io
from collections.abc import Mapping
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesNSImpl, InputSource, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from payment.bank.refusing import ElementMissing, ElementTwice, NotPlain, NotXml

_DEEPEST = 40
_NO_ATTRIBUTES: Mapping[str, str] = {}


class Element:
    """`name` without its namespace; that of an element of another namespace than the root's is never asked for."""

    __slots__ = ("attributes", "children", "line", "name", "text")

    def __init__(self, name: str, line: int, attributes: Mapping[str, str]) -> None:
        self.name = name
        self.line = line
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""

    def all(self, name: str) -> list[Element]:
        return [one for one in self.children if one.name == name]

    def find(self, path: str) -> Element | None:
        """Raises ElementTwice where there are several."""
        found = self
        for name in path.split("/"):
            step: Element | None = None
            for one in found.children:
                if one.name == name:
                    if step is not None:
                        raise ElementTwice(one.line, name)
                    step = one
            if step is None:
                return None
            found = step
        return found

    def get(self, path: str) -> Element:
        """Raises ElementMissing, ElementTwice."""
        found = self
        for name in path.split("/"):
            step = found.find(name)
            if step is None:
                raise ElementMissing(found.line, found.name, missing=name)
            found = step
        return found

    def value(self, path: str) -> str:
        """Its text; empty where it is not there."""
        found = self.find(path)
        return "" if found is None else found.text


class _Builder(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.namespace = ""
        self.root: Element | None = None
        self._open: list[Element] = []
        self._texts: list[str] = []
        self._where: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:
        self._where = locator

    @property
    def line(self) -> int:
        return (self._where.getLineNumber() if self._where is not None else None) or 1

    def startElementNS(self, name: tuple[str | None, str], qname: str | None, attrs: AttributesNSImpl) -> None:
        namespace, local = name
        given = {key[1]: attrs.getValue(key) for key in attrs.getNames()} if len(attrs) else _NO_ATTRIBUTES
        if self.root is None:
            self.namespace = namespace or ""
        made = Element(local if (namespace or "") == self.namespace else f"{namespace} {local}", self.line, given)
        if self.root is None:
            self.root = made
        else:
            self._open[-1].children.append(made)
        self._open.append(made)
        self._texts.clear()
        if len(self._open) > _DEEPEST:
            raise NotPlain(made.line, made.name)

    def characters(self, content: str) -> None:
        self._texts.append(content)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:
        closed = self._open.pop()
        if not closed.children:
            closed.text = "".join(self._texts).strip()
        self._texts.clear()


def parsed(raw: bytes) -> tuple[str, Element]:
    """The root's namespace, and the root. Raises NotXml, NotPlain."""
    parser, builder, source = make_parser(), _Builder(), InputSource()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(builder)
    source.setByteStream(io.BytesIO(raw))
    try:
        parser.parse(source)
    except SAXParseException as error:
        raise NotXml(error.getLineNumber() or 1, "") from None
    except DefusedXmlException:
        raise NotPlain(builder.line, "DOCTYPE") from None
    except (SAXException, LookupError, ValueError):  # an encoding that nobody knows, or that expat cannot use
        raise NotXml(builder.line, "") from None
    if builder.root is None:
        raise NotXml(1, "")
    return builder.namespace, builder.root
