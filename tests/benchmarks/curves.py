"""The curves of the page "How far it goes": how a cost grows with what is read, sent or shared.

Each point is a run in a process of its own. A curve has a title for its axes and, by the name of a
line, points of two numbers.
"""

from __future__ import annotations

from typing import Any

from backend import draw_workers as draw_backend_workers
from file_curves import draw_files, draw_size
from long_walks import walk
from reading import page_server, read

Curve = dict[str, Any]


def draw_workers() -> Curve:
    """Read 10,000 rows from a server of 20 and of 50 ms, with more and more pages in flight."""
    series: dict[str, list[tuple[float, float]]] = {}
    for latency in (0.020, 0.050):
        with page_server(10_000, latency) as url:
            points = [
                (workers, min(read(f"sdk, workers={workers}", url, 10_000)["wall"] for _ in "12"))
                for workers in (1, 2, 4, 8, 16)
            ]
        series[f"{latency * 1000:.0f} ms for each answer"] = points
    return {
        "x": "pages in flight",
        "y": "seconds for 10,000 rows",
        "is_logarithmic": False,
        "series": series,
    }


def draw_rows() -> Curve:
    """Walk through longer and longer lists, of 900 bytes a row."""
    points = [(count, walk(count)) for count in (10_000, 100_000, 1_000_000, 10_000_000)]
    return {
        "x": "rows of a list",
        "y": "microseconds for a row; MiB in all",
        "is_logarithmic": True,
        "series": {
            "time of a row, in microseconds": [
                (count, round(took["wall"] / count * 1e6, 2)) for count, took in points
            ],
            "peak memory of the process, in MiB": [
                (count, round(took["peak"], 1)) for count, took in points
            ],
        },
    }


CURVES = {
    "pages_in_flight": draw_workers,
    "rows": draw_rows,
    "files": draw_files,
    "file_size": draw_size,
    "backend_workers": draw_backend_workers,
}
