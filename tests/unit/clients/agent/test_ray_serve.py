"""Changes of one Ray Serve application, beside the changes of other clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synapse import errors
from synapse.clients.agent.ray import RayClient

from .dashboard import Answer, Dashboard


class TestServe:
    def serving(self, dashboard: Dashboard, *, undone: int = 0) -> dict[str, Any]:
        """Have the dashboard keep applications, and somebody else undo some changes."""
        stored: dict[str, Any] = {
            "applications": {
                "theirs": {
                    "name": "theirs",
                    "status": "RUNNING",
                    "source": "declarative",
                    "deployed_app_config": {"name": "theirs", "import_path": "a:b", "odd": [1]},
                },
                "programs": {
                    "name": "programs",
                    "status": "RUNNING",
                    "source": "imperative",
                    "deployed_app_config": None,
                },
            },
            "http_options": {"host": "0.0.0.0", "port": 9},
            "target_capacity": 50.0,
            "controller_info": {"node_id": "n"},
        }
        left = [undone]

        def answer(method: str, path: str, body: Any) -> Answer:
            if method == "GET":
                return 200, stored
            if left[0]:
                left[0] -= 1
                return 200, ""
            programs = stored["applications"]["programs"]
            stored["applications"] = {
                one["name"]: {"name": one["name"], "status": "RUNNING", "deployed_app_config": one}
                for one in body["applications"]
            } | {"programs": programs}
            return 200, ""

        dashboard.answer = answer
        return stored

    def test_others_are_kept_exactly(self, dashboard: Dashboard, client: RayClient) -> None:
        stored = self.serving(dashboard)
        before = json.loads(json.dumps(stored["applications"]["theirs"]["deployed_app_config"]))

        client.deploy_serve_application("mine", "c:d", route_prefix=None, autoscaler="x")

        (sent,) = [body for method, _, body in dashboard.asked if method == "PUT"]
        assert sent == {
            "applications": [
                before,
                {"name": "mine", "import_path": "c:d", "route_prefix": None, "autoscaler": "x"},
            ],
            "http_options": {"host": "0.0.0.0", "port": 9},
            "target_capacity": 50.0,
        }

    @pytest.mark.parametrize("undone", [1, 2])
    def test_lost_change_is_made_again(
        self, dashboard: Dashboard, client: RayClient, undone: int
    ) -> None:
        stored = self.serving(dashboard, undone=undone)

        client.deploy_serve_application("mine", "c:d")

        assert set(stored["applications"]) == {"theirs", "programs", "mine"}

    def test_change_that_is_always_lost(self, dashboard: Dashboard, client: RayClient) -> None:
        self.serving(dashboard, undone=99)

        with pytest.raises(errors.Conflict, match="another client keeps"):
            client.deploy_serve_application("mine", "c:d")

    def test_delete(self, dashboard: Dashboard, client: RayClient) -> None:
        stored = self.serving(dashboard)

        client.delete_serve_application("theirs")

        assert set(stored["applications"]) == {"programs"}
        with pytest.raises(errors.Conflict, match="by a program with"):
            client.delete_serve_application("programs")
        with pytest.raises(errors.NotFound):
            client.delete_serve_application("theirs")

    def test_nothing_listens_on_all_addresses_by_default(
        self, dashboard: Dashboard, client: RayClient
    ) -> None:
        stored = self.serving(dashboard)
        stored["applications"] = {"programs": stored["applications"]["programs"]}
        del stored["controller_info"], stored["http_options"]

        client.deploy_serve_application("mine", "c:d")

        (sent,) = [body for method, _, body in dashboard.asked if method == "PUT"]
        assert sent["http_options"] == {"host": "127.0.0.1", "port": 8000}
