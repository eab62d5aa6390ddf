"""Deploy and delete Ray Serve applications one at a time.

Ray's interface replaces all applications at once and takes down those that a request leaves out.
So each change reads all applications and sends them back with one difference.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from synapse.clients.agent.ids import validate_id
from synapse.clients.agent.ray_jobs import RayJobs
from synapse.clients.agent.ray_rest import get_part, poll_until
from synapse.errors import Conflict, NotFound, ServerError, UsageError

__all__ = ["RayServe"]

_PATH = "api/serve/applications/"
_RESOURCE = "serve applications"
_TRIES = 4
_LOOPBACK = {"host": "127.0.0.1", "port": 8000}
# Settings outside the applications, which a change leaves as they are.
_SETTINGS = ("http_options", "grpc_options", "proxy_location", "target_capacity")

# One change at a time for each cluster, across all clients of this process.
_changing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

Configs = dict[str, dict[str, Any]]


class RayServe(RayJobs):
    """Ray Serve applications of the cluster."""

    def list_serve_applications(self, params: Mapping[str, Any] | None = None) -> list[Any]:
        """List the applications that the cluster serves. One request.

        Args:
            params: Values by field, such as `{"status": "RUNNING"}`.

        Returns:
            The applications, sorted by name. Each has `name`, `status`, `message`, `route_prefix`,
            `deployments`, and the requested configuration as `deployed_app_config`.
        """
        applications = list(self._read_all()["applications"].values())
        for name, wanted in (params or {}).items():
            values = wanted if isinstance(wanted, (list, tuple, set)) else [wanted]
            applications = [each for each in applications if each.get(name) in values]
        return sorted(applications, key=lambda each: str(each["name"]))

    def get_serve_application(self, name: str) -> dict[str, Any]:
        """Return one of the applications that the cluster serves. One request.

        Raises:
            BadRequest: The name has characters that no name has; no request was made.
            NotFound: The cluster has no such application.
        """
        key = validate_id(name)
        application: dict[str, Any] | None = self._read_all()["applications"].get(key)
        if application is None:
            label = f"serve application {key}"
            raise NotFound(404, "the cluster serves no such application", resource=label)
        return application

    def deploy_serve_application(
        self,
        name: str,
        import_path: str,
        *,
        route_prefix: str | None = "/",
        args: Mapping[str, Any] | None = None,
        working_dir: str | os.PathLike[str] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        deployments: list[dict[str, Any]] | None = None,
        http_options: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> dict[str, Any]:
        """Deploy or replace an application; leave the others as they are.

        Three requests, and two more for a folder. Returns at once: `wait_serve_application()`
        waits until the application runs. If another client changes the applications at the same
        moment, the lost change is sent again.

        Args:
            name: Name of the application.
            import_path: The application or its builder: `module:name`.
            route_prefix: Path prefix for HTTP, unique among the applications; `None` for no HTTP.
            args: Arguments of the builder.
            working_dir: Folder or zip to upload, or a URI that Ray knows.
            runtime_env: Further environment that Ray prepares. The dashboard shows `env_vars`.
            deployments: Settings of single deployments.
            http_options: Address of Ray Serve, used only if Ray Serve isn't running yet; default:
                port 8000 on loopback. `{"host": "0.0.0.0"}` admits everybody who reaches the
                machine.
            **others: Further keys of the application, by Ray's schema.

        Returns:
            The application, in status `DEPLOYING`.

        Raises:
            BadRequest: The name has characters that no name has (no request was made), or Ray
                refused another argument.
            Conflict: Other clients undid the change each time.
        """
        key = validate_id(name)
        environment = self._prepare_environment(runtime_env, working_dir)
        config: dict[str, Any] = {
            "name": key,
            "import_path": import_path,
            "route_prefix": route_prefix,
            **others,
        }
        config |= {"args": dict(args)} if args is not None else {}
        config |= {"runtime_env": environment} if environment else {}
        config |= {"deployments": deployments} if deployments is not None else {}

        def change(configs: Configs) -> Configs:
            return {**configs, key: config}

        def is_done(configs: Configs) -> bool:
            # Ray fills in defaults for the other keys.
            stored = configs.get(key, {"import_path": None})
            return all(stored.get(name) == config.get(name) for name in ("import_path", "args"))

        serving = self._change(change, is_done, http_options)
        return serving["applications"].get(key) or {"name": key, "status": "DEPLOYING"}

    def delete_serve_application(self, name: str) -> None:
        """Delete an application; leave the others as they are. Three requests.

        Raises:
            BadRequest: The name has characters that no name has; no request was made.
            NotFound: The cluster has no such application.
            Conflict: A program deployed the application with `serve.run`, so only a program can
                delete it; or other clients undid the change each time.
        """
        key = validate_id(name)
        if self.get_serve_application(key).get("source") == "imperative":
            raise Conflict(
                409,
                "deployed by a program with serve.run(), so Ray's interface can't delete it",
                hint=f"Call serve.delete({key!r}) in a program on the cluster.",
                resource=f"serve application {key}",
            )

        def change(configs: Configs) -> Configs:
            return {other: config for other, config in configs.items() if other != key}

        self._change(change, lambda configs: key not in configs, None)

    def wait_serve_application(self, name: str, timeout: float | None = 300.0) -> dict[str, Any]:
        """Wait until an application runs. One request every second at most.

        Args:
            name: Name of the application.
            timeout: Seconds; `None` for no limit.

        Returns:
            The application, in status `RUNNING`.

        Raises:
            NotFound: The cluster has no such application.
            ServerError: The deployment failed (`DEPLOY_FAILED`); the message has the last line of
                the reason.
            RequestTimeout: The application doesn't run in time.
        """
        application = poll_until(
            lambda: self.get_serve_application(name),
            lambda row: row["status"] in ("RUNNING", "DEPLOY_FAILED"),
            timeout=timeout,
            longest_pause=1.0,
            resource=f"serve application {name}",
        )
        if application["status"] == "DEPLOY_FAILED":
            reason = str(application.get("message") or "").strip() or "no reason given"
            raise ServerError(
                500,
                f"the deployment failed: {reason.splitlines()[-1]}",
                response=application,
                resource=f"serve application {name}",
            )
        return application

    def _read_all(self) -> dict[str, Any]:
        serving = self._request_object("GET", _PATH, resource=_RESOURCE)
        for application in get_part(serving, dict, _RESOURCE, "applications").values():
            get_part(application, str, _RESOURCE, "name")
        return serving

    def _change(
        self,
        change: Callable[[Configs], Configs],
        is_done: Callable[[Configs], bool],
        http_options: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """Read all, change one, write all; repeat if another client's write undid the change."""
        with _changing[self._transport.base_url]:
            for _ in range(_TRIES):
                before = self._read_all()
                configs = change(_read_configs(before))
                body = {key: before[key] for key in _SETTINGS if before.get(key) is not None}
                if "http_options" not in body or not before.get("controller_info"):
                    body["http_options"] = {**_LOOPBACK, **(http_options or {})}
                body["applications"] = list(configs.values())
                self._request_text("PUT", _PATH, json=body, resource=_RESOURCE)
                after = self._read_all()
                if is_done(_read_configs(after)):
                    return after
        raise Conflict(
            409,
            "another client keeps replacing the applications without this change",
            hint="Let one client at a time change the served applications.",
            resource=_RESOURCE,
        )


def _read_configs(serving: Mapping[str, Any]) -> Configs:
    """Return the configurations from Ray's interface; Ray itself keeps those of programs."""
    configs: Configs = {}
    for name, application in serving["applications"].items():
        if application.get("status") == "DELETING":
            continue
        config = application.get("deployed_app_config")
        if config is not None:
            configs[name] = config
        elif application.get("source") != "imperative":
            raise UsageError(
                f"Ray doesn't return the configuration of the application {name!r}, so a change "
                "would delete it. Try again when the application is deployed."
            )
    return configs
