"""Masks as runs of pixels, and their conversions.

A mask is a tuple of runs `(start, length)` of pixels. Pixels are numbered by rows: pixel `(x, y)`
has the index `y * width + x`. Normal runs are sorted, not empty, and neither overlap nor touch:
every function returns normal runs and accepts runs in any order.

No function needs a library, except the two for arrays. Masks with many runs use numpy where numpy
is installed, with equal results. No function sends a request.
"""

from __future__ import annotations

from synapse.annotations.mask_counts import (
    compress_counts,
    decode_counts,
    encode_counts,
    expand_counts,
)
from synapse.annotations.mask_png import (
    MAX_PIXELS,
    from_png,
    read_png,
    to_png,
)
from synapse.annotations.mask_runs import (
    Runs,
    area,
    bounds,
    from_array,
    from_indices,
    from_pixels,
    intersection,
    merge,
    move,
    normalize,
    rasterize,
    split_rows,
    to_array,
    to_indices,
)

__all__ = [
    "MAX_PIXELS",
    "Runs",
    "area",
    "bounds",
    "compress_counts",
    "decode_counts",
    "encode_counts",
    "expand_counts",
    "from_array",
    "from_indices",
    "from_pixels",
    "from_png",
    "intersection",
    "merge",
    "move",
    "normalize",
    "rasterize",
    "read_png",
    "split_rows",
    "to_array",
    "to_indices",
    "to_png",
]
