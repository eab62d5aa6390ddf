"""XML of data sets, read safely: nothing outside the file, and nothing that grows in memory.

A document type declaration is refused, and with it all entities: no file is opened, no request is
made, and no text is repeated a billion times.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from pathlib import Path
from xml.parsers import expat

from synapse.errors import UsageError

__all__ = ["iterate_elements", "make_xml", "read_xml", "to_xml_text"]

_CHUNK = 2**16
_MAX_DEPTH = 100

# Everything that XML 1.0 can't hold; a carriage return is read as a line feed.
_UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _RefusedPart(Exception):
    """The parser met a part that isn't safe."""


class _ElementBuilder:
    """Builds elements, and hands over those with the wanted tags."""

    def __init__(self, tags: Collection[str] | None) -> None:
        self.done: list[ET.Element] = []
        self._tags = tags
        self._depth = 0
        self._tree: ET.TreeBuilder | None = None
        self._start = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Note the start of an element."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _RefusedPart(f"elements are nested more than {_MAX_DEPTH} times")
        if self._tree is None and (self._tags is None or tag in self._tags):
            self._tree, self._start = ET.TreeBuilder(), self._depth
        if self._tree is not None:
            self._tree.start(tag, attributes)

    def data(self, text: str) -> None:
        """Note text."""
        if self._tree is not None:
            self._tree.data(text)

    def end(self, tag: str) -> None:
        """Note the end of an element."""
        if self._tree is not None:
            self._tree.end(tag)
            if self._depth == self._start:
                self.done.append(self._tree.close())
                self._tree = None
        self._depth -= 1


def iterate_elements(path: Path, tags: Collection[str] | None = None) -> Iterator[ET.Element]:
    """Yield the outermost elements that have one of the tags, and keep none of them.

    Args:
        path: The XML file.
        tags: Names of elements; by default the root.

    Raises:
        UsageError: The file isn't XML, or has a document type declaration.
    """
    builder = _ElementBuilder(tags)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_declaration
    parser.EntityDeclHandler = _refuse_declaration
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk, False)
                yield from builder.done
                builder.done.clear()
            parser.Parse(b"", True)
    except (_RefusedPart, expat.ExpatError, OSError, ValueError, LookupError) as error:
        raise UsageError(f"{path} is not readable XML ({error}).") from None


def _refuse_declaration(*_: object) -> None:
    raise _RefusedPart("a document type declaration, which may define entities, is not allowed")


def read_xml(path: Path) -> ET.Element:
    """Return the root of an XML file.

    Raises:
        UsageError: The file isn't XML, or has a document type declaration.
    """
    (root,) = iterate_elements(path)
    return root


def to_xml_text(text: str) -> str:
    """Return a text with the characters that XML can't hold replaced."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def make_xml(root: ET.Element) -> bytes:
    """Return an element as indented XML in UTF-8."""
    ET.indent(root)
    return f"{ET.tostring(root, encoding='unicode')}\n".encode()
