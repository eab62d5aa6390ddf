"""The headers of a request, which are copied several times on the way to the server."""

from __future__ import annotations

from collections.abc import Iterable, KeysView

from requests.structures import CaseInsensitiveDict

__all__ = ["RequestHeaders"]


class RequestHeaders(CaseInsensitiveDict[str]):
    """Headers that are copied in one go.

    The library's copy looks each header up and adds each one, which takes ten times as long. Each
    request copies the headers of a template, and `urllib3` copies those.
    """

    def copy(self) -> RequestHeaders:
        """Return a copy, which may change without changing these headers."""
        headers = RequestHeaders.__new__(RequestHeaders)
        headers._store = self._store.copy()  # type: ignore[attr-defined] # private, but never changed
        return headers

    def lowered_names(self) -> KeysView[str]:
        """Return the names in lower case."""
        names: KeysView[str] = self._store.keys()  # type: ignore[attr-defined] # private
        return names

    def pairs(self) -> Iterable[tuple[str, str]]:
        """Return pairs of a name, as sent, and the value."""
        pairs: Iterable[tuple[str, str]] = self._store.values()  # type: ignore[attr-defined] # private
        return pairs
