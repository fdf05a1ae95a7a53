"""XML with the line of every element; what annotation files never need is refused."""

from pathlib import Path

import pytest

from helpers.errors import UserError
from helpers.xml_files import parse_xml, read_xml

PATH = Path("a.xml")


def test_elements_have_tag_attributes_text_children_and_line():
    root = parse_xml(b'<annotation>\n <size unit="px">\n  <width> 4 </width>\n </size>\n <Size/>\n</annotation>', PATH)
    assert (root.tag, root.attributes, root.line) == ("annotation", {}, 1)
    assert [child.tag for child in root.children] == ["size", "Size"]
    size = root.children[0]
    assert (size.attributes, size.line) == ({"unit": "px"}, 2)
    assert (size.children[0].line, size.children[0].text) == (3, " 4 ")
    assert root.children[1].line == 5


def test_children_are_found_in_any_case_and_not_below_children():
    root = parse_xml(b"<a><B>1</B><c><b>2</b></c><b> 3\n</b></a>", PATH)
    assert [child.text for child in root.all("b")] == ["1", " 3\n"]
    assert root.first("b").text == "1"
    assert root.first("d") is None
    assert root.all("d") == []
    assert root.text_of("b") == "1"
    assert root.children[1].text_of("b") == "2"
    assert parse_xml(b"<a><b> 3\n</b></a>", PATH).text_of("b") == "3"
    assert root.text_of("d") == ""


def test_text_is_what_stands_before_the_first_child():
    root = parse_xml(b"<a>before<b/>after</a>", PATH)
    assert root.text == "before"
    assert parse_xml(b"<a>one &amp; two</a>", PATH).text == "one & two"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("", "utf-8"), ("UTF-8", "utf-8"), ("utf-16", "utf-16"), ("GBK", "gbk"), ("iso-8859-1", "utf-8")],
)
def test_encodings(declared, codec):
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    label = "犬" if codec != "utf-8" or declared != "iso-8859-1" else "e"
    assert parse_xml(f"{head}<a>{label}</a>".encode(codec), PATH).text == label


def test_letters_of_an_older_encoding():
    data = '<?xml version="1.0" encoding="ISO-8859-1"?><a>Bär</a>'.encode("latin-1")
    assert parse_xml(data, PATH).text == "Bär"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"^a\.xml:1: the file is empty$"),
        (b" \n", r"^a\.xml:2: the file is empty$"),
        (b"<a>\n<b></a>", r"^a\.xml:2: no whole XML: mismatched tag$"),
        (b"<a>", r"^a\.xml:1: no whole XML: no element found$"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', r"^a\.xml:1: not the encoding that it declares: unknown"),
        (b'<?xml version="1.0" encoding="gbk"?><a>\xff</a>', r"^a\.xml:1: not the encoding that it declares: 'gbk'"),
        (b"<!DOCTYPE a>\n<a/>", r"^a\.xml:1: it declares a document type or entities.*not read$"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "it declares a document type or entities"),
    ],
)
def test_what_is_refused(data, message):
    with pytest.raises(UserError, match=message):
        parse_xml(data, PATH)


def test_how_deep_elements_may_lie():
    root = parse_xml(b"<a>" * 51 + b"</a>" * 51, PATH)
    for _ in range(50):
        root = root.children[0]
    assert root.children == []
    with pytest.raises(UserError, match=r"^a\.xml:1: elements inside each other too deeply$"):
        parse_xml(b"<a>" * 52 + b"</a>" * 52, PATH)


def test_a_file(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(b"<a>text</a>")
    assert read_xml(path).text == "text"
    with pytest.raises(UserError, match=r"none\.xml: cannot be read: No such file"):
        read_xml(tmp_path / "none.xml")
