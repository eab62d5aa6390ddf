"""What a Ray cluster serves: its applications, each changed without touching the others.

Ray's interface replaces all applications at once: what isn't in a request is taken down. So a
change reads what there is, and sends it back with the one difference.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from synapse.clients.agent.ids import checked_id
from synapse.clients.agent.ray_jobs import RayJobs
from synapse.clients.agent.ray_rest import hide_variables, part
from synapse.errors import Conflict, NotFound, RequestTimeout, ServerError, UsageError

__all__ = ["RayServe"]

_PATH = "api/serve/applications/"
_WHAT = "serve applications"
_TRIES = 4
_LOOPBACK = {"host": "127.0.0.1", "port": 8000}
# What of the whole is kept as it is, beside the applications.
_KEPT = ("http_options", "grpc_options", "proxy_location", "target_capacity")

# One change at a time for each cluster, whichever client makes it.
_changing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

Configs = dict[str, dict[str, Any]]


class RayServe(RayJobs):
    """Applications of Ray Serve."""

    def list_serve_applications(self, params: Mapping[str, Any] | None = None) -> list[Any]:
        """List what the cluster serves. One request.

        Args:
            params: Values by field, such as `{"status": "RUNNING"}`: those that have them.

        Returns:
            The applications, sorted by name. Each has `name`, `status`, `message`, `route_prefix`,
            `deployments`, and as `deployed_app_config` what was asked for.
        """
        found = list(self._serving()["applications"].values())
        for name, wanted in (params or {}).items():
            values = wanted if isinstance(wanted, (list, tuple, set)) else [wanted]
            found = [one for one in found if one.get(name) in values]
        return sorted(found, key=lambda one: str(one["name"]))

    def get_serve_application(self, name: str) -> dict[str, Any]:
        """Return one of the applications that the cluster serves. One request.

        Raises:
            BadRequest: The name can't be one; no request was made.
            NotFound: There is no such application.
        """
        key = checked_id(name)
        found: dict[str, Any] | None = self._serving()["applications"].get(key)
        if found is None:
            raise _missing(key)
        return found

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
        """Serve an application, or replace the one with its name; leave the others as they are.

        Three requests, and two for a folder. They return at once: `wait_serve_application()` waits
        until it is up. When somebody else changes the applications at the same moment, what was
        lost by that is sent again.

        Args:
            name: Its name.
            import_path: The application or what makes it: `module:name`.
            route_prefix: Below which path it answers; no other application may have it. `None` for
                one that isn't reached by HTTP.
            args: What its maker is given.
            working_dir: A folder or zip, which is uploaded; or a URI that Ray knows.
            runtime_env: What else Ray prepares; `env_vars` can be read on the dashboard.
            deployments: Settings of single deployments.
            http_options: Where Ray Serve listens. It is looked at only when Ray Serve isn't
                running yet, and is port 8000 on loopback by default: `{"host": "0.0.0.0"}` lets in
                whoever reaches the machine.
            **others: Further keys of the application, as Ray's schema has them.

        Returns:
            The application, which is `DEPLOYING`.

        Raises:
            BadRequest: The name can't be one (no request was made), or Ray doesn't take the rest.
            Conflict: Others go on changing the applications, and undid this each time.
        """
        key = checked_id(name)
        environment = dict(runtime_env or {})
        variables = environment.get("env_vars")
        hide_variables(variables.values() if isinstance(variables, Mapping) else ())
        folder = self._working_dir(working_dir, environment)
        if folder is not None:
            environment["working_dir"] = folder
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
            # Ray fills in the rest as it sees fit.
            kept = configs.get(key, {"import_path": None})
            return all(kept.get(name) == config.get(name) for name in ("import_path", "args"))

        found = self._change(change, is_done, http_options)
        return found["applications"].get(key) or {"name": key, "status": "DEPLOYING"}

    def delete_serve_application(self, name: str) -> None:
        """Stop serving an application; leave the others as they are. Three requests.

        Raises:
            BadRequest: The name can't be one; no request was made.
            NotFound: There is no such application.
            Conflict: It was made by a program (`serve.run`), which alone can take it down; or
                others go on changing the applications, and undid this each time.
        """
        key = checked_id(name)
        found = self.get_serve_application(key)
        if found.get("source") == "imperative":
            raise Conflict(
                409,
                "it was made by a program with serve.run(), so Ray's interface can't take it down",
                hint=f"Call serve.delete({key!r}) in a program on the cluster.",
                resource=f"serve application {key}",
            )

        def change(configs: Configs) -> Configs:
            return {other: config for other, config in configs.items() if other != key}

        self._change(change, lambda configs: key not in configs, None)

    def wait_serve_application(self, name: str, timeout: float | None = 300.0) -> dict[str, Any]:
        """Wait until an application is up. One request every second at most.

        Args:
            name: Its name.
            timeout: Seconds; `None` for as long as it takes.

        Returns:
            The application, which is `RUNNING`.

        Raises:
            NotFound: There is no such application.
            ServerError: It can't be served: `DEPLOY_FAILED`, with the last line of why.
            RequestTimeout: It isn't up in time.
        """
        began, pause = time.monotonic(), 0.2
        while True:
            found = self.get_serve_application(name)
            if found["status"] == "RUNNING":
                return found
            what = f"serve application {name}"
            if found["status"] == "DEPLOY_FAILED":
                lines = str(found.get("message") or "").strip().splitlines() or ["no reason given"]
                raise ServerError(
                    500, f"it can't be served: {lines[-1]}", response=found, resource=what
                )
            if timeout is not None and time.monotonic() - began >= timeout:
                raise RequestTimeout(
                    408, f"it is {found['status']} after {timeout:g} s", resource=what
                )
            time.sleep(pause)
            pause = min(1.5 * pause, 1.0)

    # -- Inside ------------------------------------------------------------------------------

    def _serving(self) -> dict[str, Any]:
        found = self._ask("GET", _PATH, resource=_WHAT)
        for one in part(found, dict, _WHAT, "applications").values():
            part(one, str, _WHAT, "name")
        return found

    def _change(
        self,
        change: Callable[[Configs], Configs],
        is_done: Callable[[Configs], bool],
        http_options: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """Read all, change one, write all, and look whether another's write came in between."""
        with _changing[self._transport.base_url]:
            for _ in range(_TRIES):
                before = self._serving()
                wanted = change(_declared(before))
                body = {key: before[key] for key in _KEPT if before.get(key) is not None}
                if "http_options" not in body or not before.get("controller_info"):
                    body["http_options"] = {**_LOOPBACK, **(http_options or {})}
                body["applications"] = list(wanted.values())
                self._send("PUT", _PATH, json=body, resource=_WHAT)
                after = self._serving()
                if is_done(_declared(after)):
                    return after
        raise Conflict(
            409,
            "somebody else goes on replacing the applications, without this change",
            hint="Let one client at a time change what the cluster serves.",
            resource=_WHAT,
        )


def _declared(serving: Mapping[str, Any]) -> Configs:
    """Return what was asked for by Ray's interface; Ray keeps what programs made by itself."""
    found: Configs = {}
    for name, one in serving["applications"].items():
        if one.get("status") == "DELETING":
            continue
        config = one.get("deployed_app_config")
        if config is not None:
            found[name] = config
        elif one.get("source") != "imperative":
            raise UsageError(
                f"Ray doesn't say how its application {name!r} was declared, so nothing can be "
                "changed without losing it. Try again when it is deployed."
            )
    return found


def _missing(key: str) -> NotFound:
    what = f"serve application {key}"
    return NotFound(404, "the cluster serves no such application", resource=what)
