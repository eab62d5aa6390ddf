"""The manual in a browser: no page is wider than the screen of a phone, a tablet or a laptop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lab import PICTURES
from selenium import webdriver

ROOT = Path(__file__).parents[2]
# Text that leaves its box, unless the box scrolls: the first ones, with what they say.
FIND_WIDE = """
const width = document.documentElement.clientWidth;
const scrolls = (each) => {
  for (let at = each; at && at !== document.body; at = at.parentElement)
    if (["auto", "scroll", "hidden"].includes(getComputedStyle(at).overflowX)) return true;
  return false;
};
return [...document.querySelectorAll("article *")]
  .filter((each) => each.getBoundingClientRect().right > width + 1 && !scrolls(each))
  .map((each) => `${each.tagName} ${each.textContent.slice(0, 60)}`).slice(0, 5);
"""


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built manual: that of `make docs`, else a new one without the notebooks' outputs."""
    built = ROOT / "docs" / "_build" / "html"
    if not (built / "index.html").exists():
        built = tmp_path_factory.mktemp("manual")
        command = [sys.executable, "-m", "sphinx", "-q", "-D", "nb_execution_mode=off"]
        subprocess.run([*command, "docs", str(built)], cwd=ROOT, check=True)
    return built


@pytest.mark.timeout(600)
@pytest.mark.parametrize("width", [375, 768, 1280])
def test_no_page_is_wider_than_the_screen(
    width: int, manual: Path, browser: webdriver.Chrome
) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    pages = [path for path in sorted(manual.rglob("*.html")) if "_static" not in path.parts]
    wide = {}
    for path in pages:
        browser.get(path.as_uri())
        name = path.relative_to(manual).as_posix()
        found = browser.execute_script(FIND_WIDE)
        if found or browser.execute_script("return document.documentElement.scrollWidth") > width:
            wide[name] = found
        if name in ("index.html", "howto/index.html", "gallery/sync.html"):
            picture = f"manual-{path.parent.name}-{path.stem}-{width}.png"
            browser.save_screenshot(str(PICTURES / picture))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    assert len(pages) > 50
    assert wide == {}
