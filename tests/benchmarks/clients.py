"""One client reads every row of the page server, and three attributes of each.

Run as a program in a process of its own, it prints what it took as JSON:
`{"wall": seconds, "cpu": seconds, "peak": MiB, "above": MiB}`, where `above` is the peak above the
memory before the clock starts; `to_arrow()` adds `"table"`, its result's own MiB. One page is read
before the clock starts, so that connecting and first use are in no client's figure.

Usage: python clients.py CASE URL COUNT
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any

from process_memory import read_memory

TABLE: dict[str, float] = {}
"""Size of the last result of `to_arrow()` in MiB, as `"table"`."""


def plain(url: str, fields: tuple[str, str] = ("status", "updated")) -> Callable[[], Iterable[Any]]:
    """`requests` and `json`: what the others are measured by."""
    import requests

    session = requests.Session()
    one, other = fields

    def read() -> Iterable[Any]:
        link = f"{url}?page_size=100"
        while link:
            page = json.loads(session.get(link).content)
            for row in page["results"]:
                yield row["id"], row[one], row[other]
            link = page["next"]

    return read


def label_studio_plain(url: str) -> Callable[[], Iterable[Any]]:
    """The plain loop over Label Studio's pages, which have no link."""
    import requests

    session = requests.Session()

    def read() -> Iterable[Any]:
        number = 0
        while True:
            number += 1
            page = json.loads(session.get(f"{url}/api/tasks/?page={number}").content)
            if not page["tasks"]:
                return
            for row in page["tasks"]:
                yield row["id"], row["state"], row["updated_at"]

    return read


def label_studio(url: str) -> Callable[[], Iterable[Any]]:
    """Label Studio's own library."""
    from label_studio_sdk import LabelStudio

    client = LabelStudio(base_url=url, api_key="token")

    def read() -> Iterable[Any]:
        for one in client.tasks.list(page_size=100):
            yield one.id, one.state, one.updated_at

    return read


def platform_package(url: str) -> Callable[[], Iterable[Any]]:
    """The platform's own package, whose rows are dictionaries."""
    from synapse_sdk.clients.backend import BackendClient

    client = BackendClient(url, access_token="token")

    def read() -> Iterable[Any]:
        rows, _ = client.list_tasks(list_all=True)
        for row in rows:
            yield row["id"], row["status"], row["updated"]

    return read


def cvat(url: str) -> Callable[[], Iterable[Any]]:
    """CVAT's own library, which returns all rows at once."""
    from cvat_sdk import Client

    client = Client(url, check_server_version=False)
    return lambda: [(one.id, one.status, one.updated_date) for one in client.tasks.list()]


def sdk(url: str, workers: int | None = None) -> Callable[[], Iterable[Any]]:
    """This SDK."""
    import synapse

    session = synapse.Session(url, "token")

    def read() -> Iterable[Any]:
        query = session.tasks
        for task in query if workers is None else query.iterate(workers=workers):
            yield task.id, task.status, task.updated

    return read


def values(url: str) -> Callable[[], Iterable[Any]]:
    """Rows of this SDK without objects."""
    import synapse

    session = synapse.Session(url, "token")

    def read() -> Iterable[Any]:
        for row in session.tasks.values():
            yield row["id"], row["status"], row["updated"]

    return read


def values_without_orjson(url: str) -> Callable[[], Iterable[Any]]:
    """The same, decoding with the standard library."""
    sys.modules["orjson"] = None  # type: ignore[assignment] # hides the installed package
    return values(url)


def sdk_without_orjson(url: str, workers: int | None = None) -> Callable[[], Iterable[Any]]:
    """This SDK, decoding with the standard library."""
    sys.modules["orjson"] = None  # type: ignore[assignment] # hides the installed package
    return sdk(url, workers)


def walk_by_coroutine(url: str) -> Callable[[], Iterable[Any]]:
    """The loop of `session.aio`, decoding with the standard library."""
    sys.modules["orjson"] = None  # type: ignore[assignment] # hides the installed package
    import asyncio

    import synapse

    session = synapse.Session(url, "token")

    async def walk() -> int:
        count = 0
        async for task in session.aio.tasks:
            _ = task.id, task.status, task.updated
            count += 1
        return count

    return lambda: range(asyncio.run(walk()))


def plain_gets(url: str) -> Callable[[], Iterable[Any]]:
    """A thousand objects, one after the other, by `requests`."""
    import requests

    session = requests.Session()

    def read() -> Iterable[Any]:
        for number in range(1, 1001):
            row = session.get(f"{url}/tasks/{number}/").json()
            yield row["id"], row["status"], row["updated"]

    return read


def sdk_gets(url: str) -> Callable[[], Iterable[Any]]:
    """The same by `get`, which asks the server each time."""
    import synapse

    session = synapse.Session(url, "token")

    def read() -> Iterable[Any]:
        for number in range(1, 1001):
            task = session.tasks.get(number, refresh=True)
            yield task.id, task.status, task.updated

    return read


def sdk_gets_without_orjson(url: str) -> Callable[[], Iterable[Any]]:
    """The same, decoding with the standard library."""
    sys.modules["orjson"] = None  # type: ignore[assignment] # hides the installed package
    return sdk_gets(url)


def get_by_threads(url: str) -> Callable[[], Iterable[Any]]:
    """Two hundred `get`s at once in a pool of as many threads as `session.aio` has."""
    from concurrent.futures import ThreadPoolExecutor

    import synapse
    from synapse.aio.call_threads import WORKERS

    session = synapse.Session(url, "token")
    pool = ThreadPoolExecutor(WORKERS)
    return lambda: list(
        pool.map(lambda number: session.tasks.get(number, refresh=True), range(1, 201))
    )


def get_by_coroutines(url: str) -> Callable[[], Iterable[Any]]:
    """Two hundred `get`s at once by `asyncio.gather`."""
    import asyncio

    import synapse

    session = synapse.Session(url, "token")

    async def get_all() -> list[Any]:
        calls = [session.aio.tasks.get(number, refresh=True) for number in range(1, 201)]
        return await asyncio.gather(*calls)

    return lambda: asyncio.run(get_all())


def decoded(url: str) -> Callable[[], Iterable[Any]]:
    """`requests` and `orjson`: what tables are measured by, with the libraries in memory."""
    import orjson
    import pyarrow.parquet  # noqa: F401 - a part of the base's memory
    import requests

    import synapse

    len(synapse.Session(url, "token").tasks[:1].to_arrow())
    session = requests.Session()

    def read() -> Iterable[Any]:
        link = f"{url}/sdk/tasks/?page_size=100"
        while link:
            page = orjson.loads(session.get(link).content)
            yield from page["results"]
            link = page["next"]

    return read


def data_frame(url: str) -> Callable[[], Iterable[Any]]:
    """`pandas.DataFrame` of the decoded rows."""
    import pandas as pd

    read_rows, counts = decoded(url), iter([100])
    return lambda: range(len(pd.DataFrame(list(islice(read_rows(), next(counts, None))))))


def table(url: str, method: str) -> Callable[[], Iterable[Any]]:
    """A table of this SDK, with every column."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    import synapse

    query = synapse.Session(url, "token").tasks
    queries = iter([query[:100], query])  # the first call is the warm-up

    def read() -> Iterable[Any]:
        if method == "to_parquet":
            with tempfile.TemporaryDirectory() as folder:
                path = next(queries).to_parquet(f"{folder}/tasks.parquet")
                return range(parquet.read_metadata(path).num_rows)
        if method == "__arrow_c_stream__":
            batches = pa.RecordBatchReader.from_stream(next(queries))
            return range(sum(batch.num_rows for batch in batches))
        result = getattr(next(queries), method)()
        if method == "to_arrow":
            TABLE["table"] = result.nbytes / 2**20
        return range(len(result))

    return read


def netbox(url: str) -> Callable[[], Iterable[Any]]:
    """pynetbox."""
    import pynetbox

    api = pynetbox.api(url, token="token")

    def read() -> Iterable[Any]:
        for one in api.dcim.devices.all(limit=100):
            yield one.id, one.status, one.updated

    return read


def gitlab(url: str) -> Callable[[], Iterable[Any]]:
    """python-gitlab."""
    import gitlab as library

    client = library.Gitlab(url, private_token="token")

    def read() -> Iterable[Any]:
        for one in client.todos.list(iterator=True, per_page=100):
            yield one.id, one.status, one.updated

    return read


CASES: dict[str, Callable[[str], Callable[[], Iterable[Any]]]] = {
    "plain": lambda url: plain(f"{url}/sdk/tasks/"),
    "sdk": sdk_without_orjson,
    "sdk, orjson": sdk,
    "values": values_without_orjson,
    "values, orjson": values,
    **{
        f"sdk, workers={workers}": partial(sdk_without_orjson, workers=workers)
        for workers in (1, 2, 4, 8, 16)
    },
    "plain gets": plain_gets,
    "sdk gets": sdk_gets_without_orjson,
    "sdk gets, orjson": sdk_gets,
    "aio": walk_by_coroutine,
    "gets by threads": get_by_threads,
    "gets by aio": get_by_coroutines,
    "decoded": decoded,
    "DataFrame": data_frame,
    "arrow": lambda url: table(url, "to_arrow"),
    "pandas": lambda url: table(url, "to_pandas"),
    "parquet": lambda url: table(url, "to_parquet"),
    "stream": lambda url: table(url, "__arrow_c_stream__"),
    "pynetbox": netbox,
    "python-gitlab": gitlab,
    "label_studio_sdk": label_studio,
    "plain, Label Studio": label_studio_plain,
    "cvat_sdk": cvat,
    "platform's package": platform_package,
    "plain, CVAT": lambda url: plain(f"{url}/api/tasks", ("status", "updated_date")),
}


def main(case: str, url: str, count: int) -> None:
    """Run one case and print what it took."""
    read = CASES[case](url)
    for _ in zip(range(50), read(), strict=False):
        pass
    base = read_memory("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    rows = sum(1 for _ in read())
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if rows != count:
        raise SystemExit(f"{case} read {rows} rows of {count}")
    took["peak"] = read_memory("VmHWM")
    print(json.dumps({**took, "above": took["peak"] - base, **TABLE}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
