"""XML files, with the line of every element. Entities and document types are refused, so that nothing is expanded."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from data.annotation_formats.log import Damaged
from helpers.errors import UserError

_DEEPEST = 50


@dataclass
class Element:
    """One element: its tag, its attributes, the text before its first child, its children and its line."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, tag: str) -> list["Element"]:
        """The children with this tag, in any case; not those of children."""
        return [child for child in self.children if child.tag.lower() == tag]

    def first(self, tag: str) -> "Element | None":
        """The first child with this tag, or None."""
        return next((child for child in self.children if child.tag.lower() == tag), None)

    def text_of(self, tag: str) -> str:
        """The text of the first child with this tag, without blanks around; "" where there is none."""
        child = self.first(tag)
        return child.text.strip() if child else ""


class _Refused(Exception):
    pass


def read_xml(path: Path) -> Element:
    """The root element of a file. Raises `UserError` with file, line and reason."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_xml(data, path)


def parse_xml(data: bytes, path: Path) -> Element:
    """The root element of the bytes of a file."""
    declared = re.match(rb"""\s*<\?xml[^>]*encoding=["']([\w.-]+)""", data[:200])
    if declared and declared[1].lower() not in (b"utf-8", b"utf-16", b"us-ascii"):  # such as GBK
        try:
            data = data.decode(declared[1].decode()).encode()
        except (LookupError, UnicodeDecodeError) as error:
            raise UserError(f"{path}:1: not the encoding that it declares: {error}") from None
    parser = expat.ParserCreate("utf-8" if declared and data[:2] not in (b"\xff\xfe", b"\xfe\xff") else None)
    parser.buffer_text = True
    root: list[Element] = []
    way: list[Element] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, parser.CurrentLineNumber)
        if len(way) > _DEEPEST:
            raise _Refused("elements inside each other too deeply")
        (way[-1].children if way else root).append(element)
        way.append(element)

    def end(_tag: str) -> None:
        way.pop()

    def characters(text: str) -> None:
        if way and not way[-1].children:
            way[-1].text += text

    def refuse(*_: object) -> None:
        raise _Refused("it declares a document type or entities, which annotation files never need; not read")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except _Refused as error:
        raise UserError(f"{path}:{parser.CurrentLineNumber}: {error}") from None
    except expat.ExpatError as error:
        reason = "the file is empty" if not data.strip() else f"no whole XML: {expat.ErrorString(error.code)}"
        raise UserError(f"{path}:{error.lineno}: {reason}") from None
    except (LookupError, ValueError) as error:  # an encoding that Python does not know
        raise UserError(f"{path}: no XML that can be read: {error}") from None
    return root[0]


def attribute(element: Element, name: str) -> str:
    """An attribute that must be there."""
    if name not in element.attributes:
        raise Damaged(f"<{element.tag}> has no {name}")
    return element.attributes[name]
