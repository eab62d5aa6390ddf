"""The objects of a query by position: a page at a time, few in memory, none skipped."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from synapse.display.contents import find_files_path

if TYPE_CHECKING:
    from synapse.orm.query import Query

__all__ = ["Walk"]

# Objects of a page: documents may be large.
_PAGE = 20
_MOST_OBJECTS = 3 * _PAGE
_MOST_KEYS = 10_000


class Walk:
    """A cursor over the objects of a query.

    The ids of the objects that were passed stay in order, so that an object remains in place
    although a change takes the object out of the query. Later pages are read from as far back as
    changes may have moved the rows, and known rows are left out: none is skipped.

    Args:
        query: The query. Slices, filters and orders count.
    """

    def __init__(self, query: Query[Any]) -> None:
        path = find_files_path(query._resource)
        whole = query._with(only=(), omit=())
        self._query = whole.expand(path) if path else whole
        self._page = min(query._state.page_size or _PAGE, _PAGE)
        self._start = 0
        self._next = 0  # the server's index behind the last known row
        self._keys: list[Any] = []
        self._cursor = 0
        self._moves = 0
        self._objects: OrderedDict[Any, Any] = OrderedDict()
        self.total = 0

    @property
    def position(self) -> int:
        """Index of the current object in the query, from 0."""
        return self._start + self._cursor

    @property
    def key(self) -> Any:
        """Id of the current object, or `None` in an empty query."""
        return self._keys[self._cursor] if self._cursor < len(self._keys) else None

    def open(self) -> None:
        """Read the first page. One request."""
        self._read_on()

    def note_change(self) -> None:
        """Remember that a change may have moved rows of the query."""
        self._moves += 1

    def find_current(self) -> Any:
        """Return the current object, or `None` in an empty query.

        One request if the object isn't in memory any more.

        Raises:
            ClientError: The object is gone, or the server couldn't be reached.
        """
        return None if self.key is None else self.find(self.key)

    def find(self, key: Any) -> Any:
        """Return an object by id, from memory or by one request.

        Raises:
            ClientError: The object is gone, or the server couldn't be reached.
        """
        one = self._objects.get(key)
        if one is None:
            query = self._query
            manager = type(query)(query._resource, query._session).expand(*query._state.expand)
            one = manager.get(key)
            self._keep([one])
        self._objects.move_to_end(key)
        return one

    def step(self, by: int) -> bool:
        """Move to the next (1) or previous (-1) object. One request at the end of a page.

        Returns:
            Whether there was such an object.
        """
        if by > 0:
            if self._cursor + 1 >= len(self._keys) and not self._read_on():
                return False
            self._cursor += 1
            return True
        if self._cursor == 0 and not self._read_back():
            return False
        self._cursor -= 1
        return True

    def jump(self, position: int) -> None:
        """Move to a position, the last one at most. One request beyond the known pages."""
        position = max(0, min(position, self.total - 1))
        if self._start <= position < self._start + len(self._keys):
            self._cursor = position - self._start
            return
        before = self._start, self._next, self._keys, self._cursor, self._moves
        self._start = self._next = position // self._page * self._page
        self._keys, self._cursor, self._moves = [], 0, 0
        try:
            self._read_on()
            if not self._keys and self._start:  # fewer rows than before
                self._read_back()
        except BaseException:
            self._start, self._next, self._keys, self._cursor, self._moves = before
            raise
        self._cursor = max(0, min(position - self._start, len(self._keys) - 1))

    def move_to(self, key: Any) -> bool:
        """Move to an object that was passed. Makes no request.

        Returns:
            Whether the object is among those whose places are known.
        """
        if key not in self._keys:
            return False
        self._cursor = self._keys.index(key)
        return True

    def _read_on(self) -> bool:
        """Append the next page's objects; return whether there were any."""
        known = set(self._keys)
        begin = max(0, self._next - self._moves)
        while True:
            rows = self._read(begin, begin + self._page)
            begin += len(rows)
            new = [one for one in rows if one._key not in known]
            if new or not rows:
                break
        self._next, self._moves = begin, 0
        self._keys += [one._key for one in new]
        self._keep(new)
        if len(self._keys) > _MOST_KEYS:
            cut = _MOST_KEYS // 2
            del self._keys[:cut]
            self._start += cut
            self._cursor -= cut
        return bool(new)

    def _read_back(self) -> bool:
        """Prepend the page before; return whether there were any objects."""
        known = set(self._keys)
        new: list[Any] = []
        while self._start and not new:
            begin = max(0, self._start - self._page)
            new = [one for one in self._read(begin, self._start) if one._key not in known]
            self._start = begin
        self._keys[:0] = [one._key for one in new]
        self._cursor += len(new)
        self._keep(new)
        if len(self._keys) > _MOST_KEYS:
            del self._keys[_MOST_KEYS // 2 :]
            self._next = self._start + len(self._keys)
        return bool(new)

    def _read(self, begin: int, end: int) -> list[Any]:
        part = self._query[begin:end].page_size(self._page)
        objects: list[Any] = []
        for page in part.pages(workers=1):
            objects += page.objects
            self.total = self._query._state.window.clip(page.total)
        return objects

    def _keep(self, objects: list[Any]) -> None:
        for one in objects:
            self._objects[one._key] = one
        while len(self._objects) > _MOST_OBJECTS:
            self._objects.popitem(last=False)
