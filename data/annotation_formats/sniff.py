"""A first look into a file: enough for a format to say whether it is one of its own."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from data.annotation_formats.json_files import read_json
from data.annotation_formats.source import read_text
from data.annotation_formats.values import fields_of
from helpers.errors import UserError
from helpers.xml_files import Element, read_xml


class Sniffed:
    """A file, read as what its ending says, as far as it is asked."""

    def __init__(self, path: Path, json: Any = None) -> None:
        self.path = path
        if json is not None:  # read already
            self.json = json
        self.name = path.name.lower()

    @cached_property
    def json(self) -> Any:
        """The value of a JSON file; None for others and for damaged ones."""
        if not self.name.endswith((".json", ".vott")):
            return None
        try:
            return read_json(self.path)
        except UserError:
            return None

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """The value of a JSON file where it is an object, else an empty one."""
        return fields_of(self.json)

    @cached_property
    def entries(self) -> list[Mapping[str, Any]]:
        """The first entries of a JSON file where it is a list of objects, else none."""
        return (
            [entry for entry in self.json[:1000] if isinstance(entry, Mapping)] if isinstance(self.json, list) else []
        )

    @cached_property
    def xml(self) -> Element | None:
        """The root of an XML file; None for others and for damaged ones."""
        if not self.name.endswith(".xml"):
            return None
        try:
            return read_xml(self.path)
        except UserError:
            return None

    @cached_property
    def lines(self) -> list[str]:
        """The first lines of a text file that are not empty."""
        if not self.name.endswith((".txt", ".csv", ".tsv", ".yaml", ".yml", ".names", ".data")):
            return []
        try:
            return [line for line in read_text(self.path).split("\n")[:50] if line.strip()]
        except UserError:
            return []
