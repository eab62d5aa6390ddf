"""No test measures how quick something is: a busy machine would make it fail."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TIMED = re.compile(
    r"assert .*(?:monotonic|perf_counter|time)\(\) - \w+ <"
    r"|assert .*\b(?:\w+\.seconds|elapsed|took|slowest) <=? \d"
)


def test_no_assertion_has_an_upper_bound_of_time() -> None:
    found = [
        f"{path.relative_to(TESTS)}: {line.strip()}"
        for path in sorted(TESTS.rglob("*.py"))
        if path != Path(__file__) and "benchmarks" not in path.parts
        for line in path.read_text("utf-8").splitlines()
        if TIMED.search(line)
    ]

    assert found == []
