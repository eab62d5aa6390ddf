"""A soak over a local backend, some of whose workers are killed."""

from __future__ import annotations

import itertools
import queue
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from soak import Place, Worker
from worker_processes import find_workers, kill_workers

from synapse.emulator import Emulator
from synapse.emulator.faults import Fault
from synapse.testing.tenants import EmulatorTenant

KINDS = (
    *("429", "500", "503", "html", "refused-before"),
    *("slow", "drip", "empty", "cut", "cut-headers", "lost", "reset"),
)


class Killer:
    """Kill a backend's worker at each of some numbers of responses.

    Attributes:
        killed: The killed processes.
    """

    def __init__(self, emulator: Emulator, numbers: list[int]) -> None:
        self.killed: list[int] = []
        self._emulator = emulator
        self._numbers = frozenset(numbers)
        self._count = itertools.count(1)
        self._due: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def see(self, _: object) -> None:
        """Count a response, on the thread that received it."""
        if next(self._count) in self._numbers:
            self._due.put(True)

    def close(self) -> None:
        """Wait until the last worker is replaced."""
        self._due.put(False)
        self._thread.join()

    def _run(self) -> None:
        while self._due.get():
            victim = min(find_workers(self._emulator))
            kill_workers(self._emulator, victim)
            self.killed.append(victim)


@contextmanager
def backend_place(
    emulator: Emulator, enough: int, faults: int, seed: int, kills: int = 0
) -> Iterator[Place]:
    """Let a soak use a backend, with faults of each kind at random requests.

    Args:
        emulator: The backend, with several workers if some are to be killed.
        enough: Number of requests of the soak.
        faults: Number of faults.
        seed: Seed of the choice of the requests.
        kills: Number of workers that are killed.
    """
    tenant, chance = EmulatorTenant(emulator), random.Random(seed)
    armed = [
        tenant.fault(
            kind,
            after=chance.randrange(enough * 9 // 10),
            # A drip takes that long for each byte.
            seconds={"slow": 0.1, "drip": 0.001}.get(kind),
        )
        for kind in itertools.islice(itertools.cycle(KINDS), faults)
    ]
    killer = Killer(emulator, [enough * part // (kills + 2) for part in range(1, kills + 1)])
    try:
        yield Place(
            tenant.url,
            tenant.api_token,
            lambda workers: read_record(tenant, workers, armed),
            attempts=8,  # faults and kills at random can meet four attempts in a row
            budget=100.0,  # a kill breaks the connections of many threads at once
            # No fault is silent, so a read may take as long as the machine needs.
            options={"on_response": killer.see, "timeout": (5, 60)},
        )
    finally:
        killer.close()
        tenant.close()
    assert len(killer.killed) == kills


def read_record(
    tenant: EmulatorTenant, workers: list[Worker], armed: list[Fault]
) -> dict[str, Any]:
    """Return the backend's rows, and how often each title was made and each fault served."""
    served: Counter[str] = Counter()
    for fault in armed:
        served[fault.kind] += fault.served
    tenant.clear_faults()
    rows = [(row.title, row.description) for row in tenant.session().projects.page_size(1000)]
    made = Counter(title for title, _ in rows)
    for worker in workers:
        # A deleted row was made, too; one that was made twice has left another row.
        made.update(title for title in worker.deleted if title not in made)
    return {"rows": rows, "made": made, "faults": +served}
