"""What a person sees of a notebook: trusted or not, in light and dark themes, wide and narrow."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from lab import PICTURES, Lab
from samples import CELLS
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

WIDTHS = {"wide": 1180, "narrow": 640}

# Everything that a test asks of a page, in one object.
LOOK = """
const luminance = color => {
  const [r, g, b] = color.map(part => {
    part /= 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const parse = text => {
  const parts = text.match(/[\\d.]+/g).map(Number);
  return {color: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1};
};
const over = (top, alpha, below) => below.map((part, at) => top[at] * alpha + part * (1 - alpha));
const background = element => {
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    const {color, alpha} = parse(getComputedStyle(each).backgroundColor);
    if (alpha > 0) layers.push([color, alpha]);
    if (alpha === 1) break;
  }
  const blend = (below, [color, alpha]) => over(color, alpha, below);
  return layers.reverse().reduce(blend, [255, 255, 255]);
};
const contrast = element => {
  const below = background(element);
  let {color, alpha} = parse(getComputedStyle(element).color);
  for (let each = element; each; each = each.parentElement)
    alpha *= Number(getComputedStyle(each).opacity);
  const both = [luminance(over(color, alpha, below)), luminance(below)];
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
};
const outputs = [...document.querySelectorAll(arguments[0])];
const texts = outputs.flatMap(output => [...output.querySelectorAll('*')].filter(
  each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())));
return {
  outputs: outputs.length,
  pictures: outputs.flatMap(output => [...output.querySelectorAll('img')]).map(
    each => [each.complete, each.naturalWidth, each.clientWidth, each.getAttribute('width')]),
  overflows: outputs.map(output => output.scrollWidth - output.clientWidth),
  contrasts: texts.map(each => [contrast(each), each.textContent.trim().slice(0, 40)]),
  scripts: outputs.flatMap(output => [...output.querySelectorAll('script, iframe, object')]).length,
  pwned: typeof window.pwned !== 'undefined',
  height: Math.max(...outputs.map(each => each.getBoundingClientRect().bottom)),
};
"""
OUTPUTS = ".jp-OutputArea-output.jp-RenderedHTMLCommon"


def requested(browser: webdriver.Chrome) -> Iterator[str]:
    """Yield the addresses that the page has requested since the last call."""
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def check(look: dict[str, Any], expected: int) -> None:
    assert look["outputs"] == expected
    assert not look["pwned"]
    assert look["scripts"] == 0
    assert len(look["pictures"]) == 8
    for is_complete, own, shown, width in look["pictures"]:
        assert is_complete
        assert own > 0
        assert 0 < shown <= int(width)
    assert max(look["overflows"]) <= 1
    poor = [each for each in look["contrasts"] if each[0] < 4.5]
    assert poor == []
    assert len(look["contrasts"]) > 100


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("trust", ["trusted", "untrusted"])
def test_outputs_are_seen(
    browser: webdriver.Chrome, lab: Lab, trust: str, theme: str, width: str
) -> None:
    lab.choose_theme(theme)
    list(requested(browser))
    browser.set_window_size(WIDTHS[width], 1000)
    browser.get(f"{lab.url}/doc/tree/{trust}.ipynb")
    count = len(CELLS) - 1
    WebDriverWait(browser, 60).until(
        lambda page: page.execute_script(
            "return document.body.dataset.jpThemeLight === arguments[2]"
            " && document.querySelectorAll(arguments[0]).length >= arguments[1]"
            " && [...document.querySelectorAll(arguments[0] + ' img')].every(e => e.complete)",
            *(OUTPUTS, count, str(theme == "light").lower()),
        )
    )

    look = browser.execute_script(LOOK, OUTPUTS)
    browser.set_window_size(WIDTHS[width], int(look["height"]) + 300)
    browser.save_screenshot(str(PICTURES / f"{trust}-{theme}-{width}.png"))

    check(look, count)
    urls = list(requested(browser))
    assert urls
    outside = [url for url in urls if not url.startswith((lab.url, "data:", "blob:"))]
    assert outside == []


def test_only_one_of_the_notebooks_is_trusted(lab: Lab) -> None:
    """Else the tests above would look at the same page twice."""
    trust = []
    for name in (lab.trusted, lab.untrusted):
        with urllib.request.urlopen(f"{lab.url}/api/contents/{name}", timeout=30) as response:
            content = json.load(response)["content"]
        trust.append(content["cells"][1]["metadata"].get("trusted", False))
    assert trust == [True, False]


GITHUB = "<!doctype html><meta charset=utf-8><body style='width:800px'>"


def test_outputs_are_legible_without_any_style(
    browser: webdriver.Chrome, notebook: nbformat.NotebookNode, tmp_path: Any
) -> None:
    """GitHub's viewer removes every style, so sizes of pictures are attributes."""
    html = "".join(
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    )
    page = tmp_path / "github.html"
    page.write_text(f"{GITHUB}{html}", encoding="utf-8")
    browser.set_window_size(840, 1000)
    browser.get(page.as_uri())
    browser.execute_script(
        "document.querySelectorAll('body *').forEach(each => each.removeAttribute('style'))"
    )

    look = browser.execute_script(LOOK, "body")
    browser.set_window_size(840, min(int(look["height"]), 6_000))
    browser.save_screenshot(str(PICTURES / "without-styles.png"))
    assert all(shown == int(width) for _, _, shown, width in look["pictures"])
    assert not look["pwned"]
    assert max(look["overflows"]) <= 1


def test_notebook_says_requests_and_stays_small(notebook: nbformat.NotebookNode) -> None:
    shown = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]

    assert "6 tasks. 7 requests." in shown[3]
    assert len(shown[3]) <= 6 * 20 * 1024
    assert sum(map(len, shown)) < 700 * 1024
    texts = [output["data"]["text/plain"] for cell in notebook.cells for output in cell.outputs]
    assert all(texts)
