"""A service of coroutines, as FastAPI and the like run them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from synapse import Project
from teamkit.metrics import Progress
from teamkit.reviews import ReviewTask
from teamkit.session import TeamSession

__all__ = ["ReviewService"]


class ReviewService:
    """Reviews and progress for many callers at once, over one session.

    Args:
        session: The session, which the service doesn't close.
    """

    def __init__(self, session: TeamSession) -> None:
        self._session = session
        self._aio = session.aio

    async def approve(self, task_ids: Iterable[int], reviewer: str) -> list[int]:
        """Approve tasks at once; return their ids. Two requests for each at most.

        Args:
            task_ids: Ids of the tasks.
            reviewer: The reviewer's name.

        Raises:
            NotFound: A task doesn't exist.
        """
        return await asyncio.gather(*(self._approve(each, reviewer) for each in task_ids))

    async def measure(self, project: Project) -> Progress:
        """Return the progress of a project. Two requests at once.

        Args:
            project: The project.
        """
        tasks = self._aio.tasks.filter(project=project)
        total, completed = await asyncio.gather(
            tasks.count(), tasks.filter(status="completed").count()
        )
        return Progress(total, completed)

    async def _approve(self, task_id: int, reviewer: str) -> int:
        task = await self._aio.run(self._session[ReviewTask].get, task_id)
        await self._aio.run(task.approve, reviewer)  # a verb of ours, with its types
        return task_id
