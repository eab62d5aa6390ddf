"""XML is read safely, and piece by piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.formats.safe_xml import iterate_elements, make_xml, read_xml, to_xml_text

BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [
 <!ENTITY lol "lol">
 <!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
 <!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">
]>
<annotation>&lol3;</annotation>"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "document type"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
        ('<!DOCTYPE a SYSTEM "http://localhost:1/a.dtd"><a/>', "document type"),
        ("<a>&x;</a>", "undefined entity"),
        ("<a>" * 101 + "</a>" * 101, "nested more than 100"),
        ("<a><b></a>", "mismatched tag"),
        ("<a>", "no element found"),
        ("", "no element found"),
        ('<?xml version="1.0" encoding="nonsense"?><a/>', "encoding"),
    ],
    ids=["bomb", "file", "remote", "undefined", "deep", "mismatched", "cut", "empty", "encoding"],
)
def test_unsafe_or_broken_xml_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"a\.xml is not readable XML \(.*{reason}"):
        read_xml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"b\.xml is not readable XML"):
        read_xml(tmp_path / "b.xml")


def test_elements_come_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    images = "".join(f'<image id="{number}"><box label="a &amp; b"/></image>' for number in (1, 2))
    path.write_text(f"<annotations><meta><image/></meta>{images}</annotations>")

    found = list(iterate_elements(path, {"meta", "image"}))

    assert [(each.tag, each.get("id")) for each in found] == [
        ("meta", None),
        ("image", "1"),
        ("image", "2"),
    ]
    assert found[1][0].get("label") == "a & b"


def test_elements_before_a_cut_are_there(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<annotations><image id='1'/>" + " " * 100_000 + "<image id='2'>")
    elements = iterate_elements(path, {"image"})
    assert next(elements).get("id") == "1"
    with pytest.raises(UsageError, match="no element found"):
        next(elements)


def test_xml_holds_any_text(tmp_path: Path) -> None:
    import xml.etree.ElementTree as ET

    root = ET.Element("a")
    ET.SubElement(root, "b").text = to_xml_text("a\0b<c>\ud800 \U0001f600")
    (tmp_path / "a.xml").write_bytes(make_xml(root))
    assert read_xml(tmp_path / "a.xml").findtext("b") == "a\ufffdb<c>\ufffd \U0001f600"
