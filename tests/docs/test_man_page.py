"""The man page has what the page of the command line has."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAN = ROOT / "docs" / "man" / "synapse.1"
PAGE = ROOT / "docs" / "howto" / "command_line.md"


# Characters that troff writes otherwise.
_ESCAPES = {
    r"\(aq": "'",
    r"\(dq": '"',
    r"\(ha": "^",
    r"\(ti": "~",
    r"\(ga": "`",
    r"\-": "-",
    r"\&": "",
    r"\e": "\\",
}


def read_man() -> str:
    """Return the text without the marks of troff."""
    text = re.sub(r"\\(?:f[A-Z]|%)", "", MAN.read_text(encoding="utf-8"))
    for mark, letter in _ESCAPES.items():
        text = text.replace(mark, letter)
    return text


def test_every_command_of_the_page_is_in_the_man_page() -> None:
    page, man = PAGE.read_text(encoding="utf-8"), read_man()
    commands = [line for line in page.splitlines() if line.startswith("$ ")]
    assert len(commands) > 30
    missing = [line for line in commands if line not in man]
    assert missing == [], "run make man"


def test_every_heading_of_the_page_is_in_the_man_page() -> None:
    headings = re.findall(r"^##+ (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    man = read_man().casefold()
    assert [each for each in headings if each.casefold() not in man] == [], "run make man"
