"""Measure writes of many objects: beside loops of single calls, beside batches in turn, in memory.

Each case is a process of its own, with a server of its own. Loops send fewer objects: all cases
are compared by their time for each object.

Usage, for one case: python writing.py CASE URL COUNT
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from loopback import run_server
from measured import Cases, Median, difference, ratio, take_turns
from process_memory import read_memory

LATENCY = 0.020
ROWS, OBJECTS, LOOPED = 20_000, 2_000, 100
MANY, FEW = 100_000, 10_000

Note = Callable[..., None]


def write_server(latency: float, count: int) -> AbstractContextManager[str]:
    """Serve in a process of its own."""
    return run_server("write_server.py", latency, count)


def run(case: str, count: int, latency: float) -> dict[str, float]:
    """Run a case in a process of its own."""
    with write_server(latency, count) as url:
        command = [sys.executable, __file__, case, url, str(count)]
        figures: dict[str, float] = json.loads(subprocess.check_output(command))
    return figures


def make_cases(latency: float, **counts: int) -> Cases:
    """Make the cases of these names, with their numbers of objects."""
    return {
        name: lambda name=name, count=count: run(name, count, latency)  # type: ignore[misc] # mypy can't infer it
        for name, count in counts.items()
    }


def measure(note: Note, number: int) -> None:
    """Measure everything and note the ratios."""
    slow = take_turns(
        number,
        make_cases(
            LATENCY,
            save=LOOPED,
            save_all=OBJECTS,
            annotate=LOOPED,
            bulk_annotate=OBJECTS,
            create=LOOPED,
            bulk_create=ROWS,
            bulk_create_in_turn=ROWS,
            tag=LOOPED,
            set_tags=ROWS,
        ),
    )
    for one, other in (
        ("save", "save_all"),
        ("annotate", "bulk_annotate"),
        ("create", "bulk_create"),
        ("tag", "set_tags"),
    ):
        note(f"20 ms: a loop of {one}() / {other}()", ratio(slow, one, other), 8.0, least=True)
    in_turn = ratio(slow, "bulk_create_in_turn", "bulk_create")
    note("20 ms: bulk_create(workers=1) / bulk_create()", in_turn, 1.0, least=True)

    fast = take_turns(
        number,
        make_cases(
            0.0,
            bulk_create=ROWS,
            bulk_create_in_turn=ROWS,
            save_all=OBJECTS,
            save_all_in_turn=OBJECTS,
        ),
    )
    for name in ("bulk_create", "save_all"):
        beside: Median = ratio(fast, name, f"{name}_in_turn")
        note(f"no latency: {name}() / {name}(workers=1)", beside, 1.15)

    # With latency, so that both have batches in flight; without it, chance decides that.
    memory = {
        "few": lambda: run("create_batches", FEW, LATENCY),
        "many": lambda: run("create_batches", MANY, LATENCY),
    }
    figures = take_turns(1, memory)
    grown = difference(figures, "many", "few", "peak")
    note(f"memory: create_batches() of {MANY:,} - of {FEW:,}, MiB", grown, 3.0)


# -- The cases ---------------------------------------------------------------------------------


def bodies(count: int) -> Iterator[dict[str, Any]]:
    """Yield the values of new tasks."""
    for number in range(count):
        yield {"project": 1, "data_unit": number, "meta": {"camera": "front", "number": number}}


def main(case: str, url: str, count: int) -> None:
    """Run one case and print its seconds for each object, and its peak of memory."""
    import synapse
    from synapse.annotations import Label

    with synapse.Session(url, "token") as session:
        tasks = session.tasks
        objects: list[Any] = []
        if case.startswith(("save", "annotate", "tag")):
            objects = list(tasks.page_size(1000))
            for one in objects:
                one.meta = {"checked": True}
        else:
            tasks.first()  # connects
        documents: dict[int, Any] = {}
        if "annotate" in case:
            documents = {number: [Label(label="rain")] for number in range(1, count + 1)}

        def create_batches() -> None:
            for _ in tasks.create_batches(bodies(count)):
                pass

        work: dict[str, Callable[[], Any]] = {
            "save": lambda: [one.save() for one in objects],
            "save_all": lambda: tasks.save_all(objects),
            "save_all_in_turn": lambda: tasks.save_all(objects, workers=1),
            "annotate": lambda: [one.annotate(documents[one.id]) for one in objects],
            "bulk_annotate": lambda: tasks.bulk_annotate(documents),
            "create": lambda: [tasks.create(**body) for body in bodies(count)],
            "bulk_create": lambda: tasks.bulk_create(bodies(count)),
            "bulk_create_in_turn": lambda: tasks.bulk_create(bodies(count), workers=1),
            "create_batches": create_batches,
            "tag": lambda: [one.tag(1) for one in objects],
            "set_tags": lambda: tasks.all().set_tags([1]),
        }
        cpu, started = time.process_time(), time.perf_counter()
        work[case]()
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = read_memory("VmHWM")
    print(json.dumps({"wall": wall / count, "cpu": cpu / count, "peak": peak}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
