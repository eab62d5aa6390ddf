"""Rows of the state API, and whether they are all."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import errors
from synapse.clients.agent.ray import RayClient

from .dashboard import Answer, Dashboard


class TestState:
    def listed(self, rows: int, total: int) -> Answer:
        result = {
            "total": total,
            "num_after_truncation": min(total, 10_000),
            "num_filtered": min(total, 10_000),
            "result": [{"task_id": "aa", "attempt_number": n} for n in range(rows)],
            "partial_failure_warning": "a node didn't answer",
            "warnings": None,
        }
        return 200, {"result": True, "msg": "", "data": {"result": result}}

    def test_more_than_ray_gives(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda *_: self.listed(3, 20_000)

        with pytest.warns(UserWarning, match="has 20,000 tasks"):
            tasks = client.list_tasks()

        assert tasks.is_truncated
        assert tasks.total == 20_000
        assert tasks.warnings == ["a node didn't answer"]

    def test_one_of_a_few_is_all(self, dashboard: Dashboard, client: RayClient) -> None:
        """Ray counts nodes as not looked at that another node's id left out."""
        _, answer = self.listed(1, 2)
        answer["data"]["result"].update(num_after_truncation=1, num_filtered=1)
        dashboard.answer = lambda *_: (200, answer)

        assert not client.list_nodes({"node_id": "aa"}).is_truncated
        assert client.get_node("aa")["task_id"] == "aa"

    def test_query(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda *_: self.listed(0, 0)

        client.list_actors({"state": "ALIVE"}, filters=[("pid", "!=", 7)], limit=5)

        assert dashboard.asked[0][1] == (
            "/api/v0/actors?limit=5&detail=false&filter_keys=state&filter_predicates=%3D"
            "&filter_values=ALIVE&filter_keys=pid&filter_predicates=%21%3D&filter_values=7"
        )

    def test_last_attempt(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda *_: self.listed(3, 3)

        assert client.get_task("aa")["attempt_number"] == 2

    @pytest.mark.parametrize("limit", [0, 10_001, True, 1.5])
    def test_limit(self, client: RayClient, dashboard: Dashboard, limit: Any) -> None:
        with pytest.raises(errors.UsageError, match="limit"):
            client.list_nodes(limit=limit)
        with pytest.raises(errors.UsageError, match="Use '=' or"):
            client.list_nodes(filters=[("a", ">", 1)])

        assert dashboard.asked == []
