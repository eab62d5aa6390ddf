"""The representation for notebooks."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from synapse._internal.described import Described, DescribedTable, Description, Meter
from synapse.annotations import Box, Label, write_document
from synapse.display.bundle import make_bundle, make_html


class Sample(Described):
    def _describe(self) -> Description:
        return Description("Sample <1>", "done", [("a", "b")])

    def __repr__(self) -> str:
        return "<Sample 1>"


def drawing_of(html: str) -> str:
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return base64.b64decode(found[1]).decode() if found else ""


def test_bundle_has_text_and_html() -> None:
    bundle = Sample()._repr_mimebundle_()

    assert bundle["text/plain"] == "<Sample 1>"
    assert "Sample &lt;1&gt;" in bundle["text/html"]
    assert list(make_bundle(Sample(), include=["text/plain"])) == ["text/plain"]
    assert list(make_bundle(Sample(), exclude=["text/plain"])) == ["text/html"]


def test_every_part_is_shown() -> None:
    html = make_html(
        Description(
            "Title",
            "running",
            [("name", "value")],
            [Meter("progress", 0.5, "50 %")],
            DescribedTable(["column"], [["cell"]], 7),
            ["A remark."],
            [Box(0, 0, 10, 10, label="car")],
            output=["epoch 1", "epoch 2"],
        )
    )

    for text in (
        "Title",
        "epoch 1<br>epoch 2",
        "running",
        "value",
        "50 %",
        "cell",
        "… and 6 more",
        "A remark.",
    ):
        assert text in html
    assert ">car</text>" in drawing_of(html)


def test_document_is_drawn_in_its_size() -> None:
    boxes = [Box(0, 0, 10, 10, medium="image_1"), Box(0, 0, 9, 9, medium="image_2")]
    document = write_document(boxes, sizes={"image_1": (200, 100)})

    html = make_html(Description("a", document=document))
    assert 'width="460" height="230"' in html
    assert "Drawn is image_1; other media have 1 annotations." in html


def test_annotations_that_do_not_fit_are_counted() -> None:
    boxes = [Box(n % 90, n % 77, 5 + n % 30, 6, label=str(n % 40)) for n in range(5_000)]

    html = make_html(Description("a", document=write_document(boxes)))
    assert re.search(r"… and 4,\d{3} more annotations, which are not drawn", html)
    assert len(html) < 30_000


@pytest.mark.parametrize("document", [{}, [], [Label(label="night")], {"annotations": {}}])
def test_nothing_to_draw_is_no_drawing(document: Any) -> None:
    assert "<img" not in make_html(Description("a", document=document))


def test_unknown_document_is_said() -> None:
    assert "none of the forms" in make_html(Description("a", document={"shapes": [1]}))


def test_huge_document_is_not_read() -> None:
    document = {"annotations": {}, "annotationsData": {"image_1": [[0] * 1000] * 1_600}}

    assert "too many annotations to draw" in make_html(Description("a", document=document))
