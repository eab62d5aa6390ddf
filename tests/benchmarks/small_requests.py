"""Measure one small request: `get` of one object, beside `requests`."""

from __future__ import annotations

from measured import ratio, take_turns
from reading import Note, make_cases, page_server

GETS = 1_000


def measure(note: Note, number: int) -> None:
    """Note how long `tasks.get(id, refresh=True)` takes beside `requests.Session.get().json()`."""
    with page_server(1, 0.0) as url:
        names = "plain gets; sdk gets; sdk gets, orjson"
        figures = take_turns(number, make_cases(names, url, GETS))
    base = "Session.get().json()"
    note(f"0 ms: get(id, refresh=True) / {base}", ratio(figures, "sdk gets", "plain gets"), 0.60)
    taken = ratio(figures, "sdk gets, orjson", "plain gets")
    note(f"0 ms: the same with orjson / {base}", taken, 0.60)
