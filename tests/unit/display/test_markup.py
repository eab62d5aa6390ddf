"""HTML: escaped, and of parts that every host shows."""

from __future__ import annotations

import base64

import pytest

from synapse._internal.described import DescribedTable, Meter
from synapse.display import markup

EVIL = '<script>alert("1")</script>\'&'
SAFE = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#x27;&amp;"


@pytest.mark.parametrize(
    "html",
    [
        markup.chip(EVIL),
        markup.muted(EVIL),
        markup.output([EVIL]),
        markup.pairs([(EVIL, "a")]),
        markup.pairs([("a", EVIL)]),
        markup.table(DescribedTable([EVIL], [["a"]], 1)),
        markup.table(DescribedTable(["a"], [[EVIL]], 1)),
        markup.table(DescribedTable(["a"], [[EVIL]], 1), ["https://s.example/a"]),
        markup.meters([Meter(EVIL, 0.5, "a")]),
        markup.meters([Meter("a", 0.5, EVIL)]),
        markup.image("data:,", 1, 1, EVIL),
        markup.link(EVIL, None),
        markup.link(EVIL, "https://s.example/"),
    ],
)
def test_text_is_escaped(html: str) -> None:
    assert SAFE in html
    assert "<script" not in html


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb", "a\udcffb", "a\u202eb", "a\ufffeb"])
def test_characters_that_xml_cannot_hold_are_replaced(text: str) -> None:
    assert markup.clean(text) == "a�b"


def test_text_is_bounded_and_clean() -> None:
    assert len(markup.clean("x" * 10_000_000)) == 600
    assert markup.clean("https://b.example/?sig=abc") == "https://b.example/?sig=***"
    assert markup.clean("é\t\n漢😀") == "é\t\n漢😀"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,a", "//a.example", ""])
def test_other_addresses_are_no_links(address: str) -> None:
    assert markup.link("a", address) == "a"


def test_link_opens_a_page_of_its_own() -> None:
    assert markup.link("a", 'https://s.example/"') == (
        '<a href="https://s.example/&quot;" target="_blank" rel="noopener noreferrer">a</a>'
    )


def test_table_counts_the_rest() -> None:
    shown = DescribedTable(["id"], [["1"], ["2"]], 1_000)

    html = markup.table(shown, ["https://s.example/1"])
    assert "… and 998 more" in html
    assert html.count("<a ") == 1
    assert "more" not in markup.table(shown._replace(total=2))


@pytest.mark.parametrize(("share", "width"), [(0.0, 0), (0.0001, 2), (0.5, 50), (7.0, 100)])
def test_bar_is_as_long_as_its_share(share: float, width: int) -> None:
    html = markup.meters([Meter("a", share, "b")], 100)

    assert html.count(f'<div style="width:{width}px;height:10px;background-color') == 1


def test_nothing_makes_no_table() -> None:
    assert markup.pairs([]) == markup.meters([]) == ""


def test_drawing_is_the_address_of_a_picture() -> None:
    kind, _, content = markup.svg_uri("<svg>é</svg>").partition(";base64,")

    assert kind == "data:image/svg+xml"
    assert base64.b64decode(content).decode() == "<svg>é</svg>"


def test_wide_letters_count_as_wide() -> None:
    assert markup.text_width("漢字", 10) == 20
    assert markup.text_width("ab", 10) < 12
