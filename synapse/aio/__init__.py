"""asyncio: the managers and verbs of a session as awaitables, over threads."""

from __future__ import annotations

from synapse.aio.async_session import AsyncSession
from synapse.aio.call_threads import CallThreads
from synapse.aio.items import AsyncItems

__all__ = ["AsyncItems", "AsyncSession", "CallThreads"]
