"""Draw the curves and write the tables of the page "How far it goes", out of the bench's output.

    python tests/benchmarks --output docs/explanation/how_far_it_goes/measured.json
    python tools/draw_measurements.py

`--check` compares the tables with the file of results instead, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "docs" / "explanation" / "how_far_it_goes"
RESULTS, TABLES = FOLDER / "measured.json", FOLDER / "tables.md"
# Legible on light and on dark pages.
_COLOURS = "#2a7de1", "#e0662a", "#2f9e5b", "#a259c4"
_GREY = "#808890"


def make_tables(results: dict[str, Any]) -> str:
    """Return the machine and the rows as Markdown, a table for each topic."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    system = f"Python {machine['python']} on {machine['system']}"
    hardware = f"{machine['cores']} cores ({machine['processor']}), {machine['memory']} of memory"
    rounds = f"{results['rounds']} rounds"
    lines = [f"Measured on {machine['date']} with {system}: {hardware}; {rounds}. {versions}."]
    topics = dict.fromkeys(row["topic"] for row in results["rows"])
    for topic in topics:
        lines += ["", f"### {topic.capitalize()}", "", "| what | measured | 95 % certain | goal |"]
        lines += ["|---|---|---|---|"]
        lines += [_make_row(row) for row in results["rows"] if row["topic"] == topic]
    return "\n".join(lines) + "\n"


def _make_row(row: dict[str, Any]) -> str:
    between = "" if row["low"] is None else f"{row['low']:,.2f} to {row['high']:,.2f}"
    sign = "at least" if row["is_least"] else "at most"
    met = "" if row["is_met"] else ", **missed**"
    label = row["label"].replace("|", "\\|")
    return f"| {label} | {row['value']:,.2f} | {between} | {sign} {row['goal']:,.2f}{met} |"


def draw(results: dict[str, Any]) -> Iterator[Path]:
    """Draw each curve into an SVG file, and give the files."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same results give the same file; letters stay letters, which search and zoom well.
    mpl.rcParams.update({"svg.hashsalt": "synapse", "svg.fonttype": "none", "font.size": 11})
    from matplotlib import pyplot as plt

    for name, curve in results["curves"].items():
        figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
        for (label, points), colour in zip(curve["series"].items(), _COLOURS, strict=False):
            xs, ys = zip(*points, strict=True)
            axes.plot(xs, ys, marker="o", color=colour, label=label)
        if curve["is_logarithmic"]:
            axes.set_xscale("log")
        if curve.get("has_logarithmic_y"):
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.set_xlabel(curve["x"], color=_GREY)
        axes.set_ylabel(curve["y"], color=_GREY)
        axes.tick_params(colors=_GREY)
        axes.grid(color=_GREY, alpha=0.25)
        for spine in axes.spines.values():
            spine.set_color(_GREY)
        if len(curve["series"]) > 1:
            axes.legend(frameon=False, labelcolor=_GREY)
        path = FOLDER / f"{name}.svg"
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)
        yield path


def main() -> int:
    """Write the tables and the curves, or check the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare the tables, write nothing")
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    tables = make_tables(results)
    if given.check:
        return 0 if TABLES.read_text(encoding="utf-8") == tables else 1
    TABLES.write_text(tables, encoding="utf-8")
    for path in draw(results):
        print(path.name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
