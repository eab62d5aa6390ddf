"""Wait for events of connections, at a cost that grows with the busy ones, not with all."""

from __future__ import annotations

import select
import selectors
import threading
from typing import Any

from waitress import wasyncore

__all__ = ["EventLoop"]

# Up to so many dispatchers, waitress's own way is faster beside threads that compute: the POSTs of
# eight clients took a third of the time.
_FEW = 500
_poll_all = wasyncore.poll2 if hasattr(select, "poll") else wasyncore.poll


class EventLoop(dict[int, Any]):
    """waitress's map of descriptors to dispatchers, which tells the system of changes only.

    waitress asks every dispatcher before each wait which events it waits for, and passes all of
    them to the system. With ten thousand connections, each request would take milliseconds longer.

    Here, with many connections, a settled dispatcher is not asked again before its next event, or a
    call of `recheck()`. A dispatcher is settled when its method `is_settled()` returns true: no
    other thread may then change the events that the dispatcher waits for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._unsettled: dict[int, Any] = {}
        # Threads close connections, whose descriptors others may take over at once.
        self._lock = threading.Lock()

    def __setitem__(self, descriptor: int, dispatcher: Any) -> None:
        super().__setitem__(descriptor, dispatcher)
        self._unsettled[descriptor] = dispatcher

    def __delitem__(self, descriptor: int) -> None:
        """Forget a dispatcher; waitress does that before it closes the descriptor."""
        with self._lock:
            super().__delitem__(descriptor)
            self._unsettled.pop(descriptor, None)
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)

    def recheck(self, dispatcher: Any) -> None:
        """Ask a dispatcher again for the events that it waits for."""
        descriptor = dispatcher._fileno
        with self._lock:
            if self.get(descriptor) is dispatcher:
                self._unsettled[descriptor] = dispatcher

    def run(self, timeout: float) -> None:
        """Handle events until no dispatcher is left.

        Args:
            timeout: Seconds between two checks of the dispatchers that never settle.
        """
        with self._selector:
            while self:
                if len(self) <= _FEW:
                    _poll_all(timeout, self)
                    with self._lock:
                        self._unsettled = dict(self)
                    continue
                self._update_all()
                for key, events in self._selector.select(timeout):
                    self._handle(key.fd, events)

    def _handle(self, descriptor: int, events: int) -> None:
        dispatcher = self.get(descriptor)
        if dispatcher is None:  # closed by an earlier event
            return
        self.recheck(dispatcher)
        if events & selectors.EVENT_READ:
            wasyncore.read(dispatcher)
        if events & selectors.EVENT_WRITE and self.get(descriptor) is dispatcher:
            wasyncore.write(dispatcher)

    def _update_all(self) -> None:
        for descriptor, dispatcher in list(self._unsettled.items()):
            # Asked first: the events can't change afterwards.
            is_settled = getattr(dispatcher, "is_settled", bool)()
            events = selectors.EVENT_READ if dispatcher.readable() else 0
            if dispatcher.writable() and not dispatcher.accepting:
                events |= selectors.EVENT_WRITE
            with self._lock:
                if self.get(descriptor) is not dispatcher:  # closed by a thread just now
                    continue
                self._update(descriptor, events)
                if is_settled:
                    del self._unsettled[descriptor]

    def _update(self, descriptor: int, events: int) -> None:
        key = self._selector.get_map().get(descriptor)
        if events == (key.events if key else 0):
            return
        if not key:
            self._selector.register(descriptor, events)
        elif events:
            self._selector.modify(descriptor, events)
        else:
            self._selector.unregister(descriptor)
