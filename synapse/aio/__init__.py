"""asyncio: the managers and verbs of a session as awaitables, over threads."""

from __future__ import annotations

from synapse.aio.async_session import AsyncSession
from synapse.aio.items import AsyncItems
from synapse.aio.runner import Runner

__all__ = ["AsyncItems", "AsyncSession", "Runner"]
