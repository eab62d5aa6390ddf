"""The names of all conversions of masks."""

from __future__ import annotations

import subprocess
import sys

from synapse.annotations import mask_counts, mask_png, masks


def test_every_conversion_is_here() -> None:
    for module in (mask_counts, mask_png):
        assert set(module.__all__) <= set(masks.__all__)
    assert masks.decode_counts is mask_counts.decode_counts


def test_small_masks_load_no_library() -> None:
    script = (
        "import sys; from synapse.annotations.masks import *\n"
        "runs = rasterize([[1, 1], [60, 2], [30, 60]], 64, 64)\n"
        "assert decode_counts(encode_counts(runs, 64, 64), 64, 64) == runs\n"
        "assert from_png(to_png(runs, 64, 64)) == (runs, 64, 64)\n"
        "print({'numpy', 'PIL', 'requests'} & {*sys.modules})"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert result.stdout.strip() == "set()"
