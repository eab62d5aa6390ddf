"""Every page is near the landing page, and every link within the manual leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from manual import HTML

# Made by Sphinx: lists without a place of their own in the manual.
GENERATED = {"genindex.html", "py-modindex.html", "search.html"}
PRIVATE_DEFAULT = re.compile(r'<span class="default_value"><span class="pre">_')
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if "_static" not in path.parts and path.name not in GENERATED
)


class PageReader(HTMLParser):
    """Read the links and the anchors of a page.

    Attributes:
        links: Each link, and whether it is in the text: the rest are menus.
        anchors: The places that a link may name.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, bool]] = []
        self.related: list[str] = []
        self.anchors: set[str] = set()
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "article":
            self._depth += 1
        if name := values.get("id"):
            self.anchors.add(name)
        target = values.get("href" if tag == "a" else "src")
        if tag in ("a", "img") and target:
            self.links.append((target, self._depth > 0))
            self.related += [word for word in (values.get("class") or "").split() if "page" in word]

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._depth -= 1


@pytest.fixture(scope="module")
def pages() -> dict[str, PageReader]:
    return {name: PageReader((HTML / name).read_text(encoding="utf-8")) for name in PAGES}


def find_targets(page: str, reader: PageReader, in_text: bool) -> Iterator[tuple[str, str]]:
    """Yield page and anchor of each link within the manual."""
    for link, is_in_text in reader.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or (in_text and not is_in_text):
            continue
        path = (HTML / page).parent / unquote(parts.path) if parts.path else HTML / page
        yield path.resolve().relative_to(HTML.resolve()).as_posix(), unquote(parts.fragment)


def test_each_page_is_two_clicks_away_by_links_in_the_text(pages: dict[str, PageReader]) -> None:
    near = {"index.html"}
    for _ in range(2):
        near |= {
            target
            for page in near & pages.keys()
            for target, _ in find_targets(page, pages[page], in_text=True)
        }

    assert sorted(set(PAGES) - near) == []


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_somewhere(page: str, pages: dict[str, PageReader]) -> None:
    dead = [
        f"{target}#{anchor}"
        for target, anchor in find_targets(page, pages[page], in_text=False)
        if not (HTML / target).exists()
        or (anchor and target in pages and anchor not in pages[target].anchors)
    ]

    assert dead == []


def test_each_page_leads_to_the_next_and_the_previous_one(pages: dict[str, PageReader]) -> None:
    alone = [
        page
        for page, reader in pages.items()
        if not {"next-page", "prev-page"} & set(reader.related)
    ]

    assert alone == []


def test_code_has_copy_buttons() -> None:
    page = (HTML / "tutorials" / "quickstart.html").read_text(encoding="utf-8")

    assert "copybutton.js" in page


def test_reference_shows_real_defaults_and_no_fixtures() -> None:
    for path in sorted((HTML / "reference").glob("*.html")):
        text = path.read_text(encoding="utf-8")
        for word in ("attr_dict", "NOTHING", "getfixture", " object at 0x"):
            assert word not in text, path.name
        assert not PRIVATE_DEFAULT.search(text), path.name
