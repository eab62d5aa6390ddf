"""Walk through a list by page numbers.

Changes of a list during a walk shift the pages. Rows that move on to the next page aren't yielded
twice, and when rows disappear, the walk steps back by as many, so that no row is skipped. A loop
that takes rows out of its own filter (`filter(status="pending")`, each task annotated) reaches
every row that way.

Only the query string of a paging link is used: behind a proxy the link's host is often wrong, and
a link must never send credentials elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import attrs

from synapse.errors import NotFound
from synapse.transport.cursor_pages import MAX_BARREN_PAGES, follow_links, make_circle_error
from synapse.transport.page import ListRequest, Page, make_incomplete_error, parse_page
from synapse.transport.readahead import ReadAhead
from synapse.transport.seen_ids import SeenIds

__all__ = ["NumberedPages"]

# Consecutive steps back without new rows: with a total that rises and falls, the walk would step
# back and forth for ever.
_MAX_RETREATS = 16


class NumberedPages:
    """A walk through the numbered pages of a list, one rule per method.

    Args:
        request: The list.
        start: First page, from 1.
        end: Last page to request ahead.
        workers: Number of pages in flight; 1 requests strictly one after the other.
    """

    def __init__(
        self, request: ListRequest, *, start: int = 1, end: int | None = None, workers: int = 1
    ) -> None:
        self._request = request
        self._start = start
        self._end = end
        self._seen = SeenIds(request.key)
        self._number = self._last = start
        self._count: int | None = None
        self._size = 1
        self._patience = MAX_BARREN_PAGES
        self._retreats = 0
        self._received = 0
        self._is_steady = True
        self._was_repeated = False
        self._ahead = ReadAhead(request.fetch_number, workers)

    def __iter__(self) -> Iterator[Page]:
        """Yield each page with its new rows."""
        while True:
            page = self.next_page()
            if page is None or self.has_shrunk(page):
                continue
            rows = self.take_new_rows(page)
            is_short = self.is_short(page)
            has_moved = self.has_moved(page, rows)
            self._is_steady = self._is_steady and self._count in (None, page.count)
            self._count = page.count
            self._received += len(rows)
            if self.is_endless(rows):
                raise make_circle_error(self._request)
            has_rows, new = bool(page.rows), attrs.evolve(page, rows=rows)
            page = attrs.evolve(page, rows=[])
            del rows
            yield new
            del new  # before the next one is decoded, which takes its place in memory
            if self._ahead.is_on and self._number > self._start and (is_short or has_moved):
                self.read_pages_in_flight_again()
                continue
            if page.next_query is None:
                if not self.is_incomplete(page):
                    return
                self.start_over(page)
                continue
            if not has_rows:
                raise make_circle_error(self._request)
            if "page" not in parse_qs(page.next_query):
                yield from follow_links(self._request, page, self._seen)
                return
            self.step_forward()

    def next_page(self) -> Page | None:
        """Return the current page; `None` after a step back from a page that has gone."""
        try:
            return parse_page(self._ahead.get(self._number, self._last))
        except NotFound:
            if self._number == self._start:
                raise
            self._number -= 1  # rows went away, and this page with them: the rest has moved up
            self._ahead.forget()
            return None

    def has_shrunk(self, page: Page) -> bool:
        """Step back if the total fell since the last page; return whether it did."""
        may_retreat = self._number > self._start and self._retreats < _MAX_RETREATS
        if self._count is None or page.count >= self._count or not may_retreat:
            return False
        pages = -(-(self._count - page.count) // self._size)
        if self._ahead.is_on:
            pages += self._ahead.window + 1
            self._ahead.stop()
        self._step_back(pages)
        self._retreats += 1
        self._is_steady = False
        self._count = page.count
        self._ahead.forget()
        return True

    def take_new_rows(self, page: Page) -> list[dict[str, Any]]:
        """Return the page's rows that no earlier page had."""
        if self._number == self._start:
            self._size = max(1, len(page.rows))
        return self._seen.unseen(page.rows)

    def is_short(self, page: Page) -> bool:
        """Return whether the last page has fewer rows than the total promises.

        A server counts before it reads rows, so rows may have gone in between.
        """
        expected = page.count - (self._number - 1) * self._size
        return page.next_query is None and len(page.rows) < expected

    def has_moved(self, page: Page, rows: list[dict[str, Any]]) -> bool:
        """Return whether rows of earlier pages came again though the list hasn't grown."""
        has_grown = self._count is None or page.count > self._count
        return len(rows) < len(page.rows) and not has_grown

    def is_endless(self, rows: list[dict[str, Any]]) -> bool:
        """Return whether page after page brings nothing new.

        Pages that are read again bring nothing either; each step back grants them patience.
        """
        self._patience = max(self._patience - 1, MAX_BARREN_PAGES if rows else 0)
        self._retreats = 0 if rows else self._retreats
        return not self._patience

    def is_incomplete(self, page: Page) -> bool:
        """Return whether the walk got fewer rows than a total promised that never changed.

        A server that gives rows with equal values in any order repeats some, and leaves out others.
        """
        return self._start == 1 and self._is_steady and self._received < page.count

    def start_over(self, page: Page) -> None:
        """Go back to the first page, once: the list may have changed without changing its total.

        Raises:
            InvalidResponse: The pages were read twice already.
        """
        if self._was_repeated or not self._seen.knows_all:
            raise make_incomplete_error(self._request, page.count, self._received)
        self._was_repeated = True
        self._ahead.stop()
        self._step_back(self._number)

    def read_pages_in_flight_again(self) -> None:
        """Step back over the pages in flight, and end reading ahead."""
        self._step_back(self._ahead.window + 1)
        self._ahead.stop()

    def step_forward(self) -> None:
        """Go on to the next page."""
        self._number += 1
        last = -(-(self._count or 0) // self._size)
        self._last = last if self._end is None else min(last, self._end)

    def leave_out(self, seconds: float) -> None:
        """Leave out time after the last page that was no work of the caller."""
        self._ahead.leave_out(seconds)

    def close(self) -> None:
        """End the threads that read ahead."""
        self._ahead.close()

    def _step_back(self, pages: int) -> None:
        back = max(self._start, self._number - pages)
        self._patience += self._number - back
        self._number = back
