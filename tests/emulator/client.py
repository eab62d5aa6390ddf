"""Plain HTTP to the backend; the backend's tests don't use the SDK."""

from __future__ import annotations

import hashlib
from typing import Any

import requests

from synapse.emulator import Emulator


class Api:
    """Plain requests to the backend, as one user in one tenant."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers.update(headers)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.url}/{path}"
        return self.http.request(method, url, timeout=30, **options)

    def get(self, path: str, *args: Any, **params: Any) -> requests.Response:
        return self.request("GET", path, params=params)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", path, json=body, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.request(method, path, json=body, **options)
        assert response.ok, f"{response.status_code} {response.text}"
        return response.json() if response.content else None

    def ids(self, path: str, **params: Any) -> list[int]:
        response = self.get(path, **params)
        assert response.status_code == 200, response.text
        return [row["id"] for row in response.json()["results"]]

    def project(self, **fields: Any) -> dict[str, Any]:
        return self.ok("POST", "projects/", {"title": "Streets", "category": "image", **fields})

    def task(self, project: int, **fields: Any) -> dict[str, Any]:
        return self.ok("POST", "tasks/", {"project": project, **fields})

    def tag(self, name: str = "night", **fields: Any) -> int:
        return self.ok("POST", "task_tags/", {"name": name, **fields})["id"]

    def me(self) -> int:
        return self.ok("GET", "users/me/")["id"]

    def plugin(self, name: str, **fields: Any) -> dict[str, Any]:
        return self.ok("POST", "plugins/", {"name": name, **fields})

    def job(self, plugin: int | None = None, **body: Any) -> str:
        key = self.plugin("Detector")["id"] if plugin is None else plugin
        return self.ok("POST", f"plugins/{key}/run/", body)["job_id"]

    def collection(self, *specifications: dict[str, Any], **fields: Any) -> dict[str, Any]:
        body = {"name": "Photos", "category": "image", **fields}
        return self.ok(
            "POST", "data_collections/", {**body, "file_specifications": list(specifications)}
        )

    def file(self, content: bytes, name: str = "a.png") -> dict[str, Any]:
        response = self.request("POST", "data_files/", files={"file": (name, content)})
        assert response.status_code == 201, response.text
        return response.json()

    def unit(self, collection: int, **contents: bytes) -> dict[str, Any]:
        files = {
            name: {"checksum": self.file(content)["checksum"], "path": f"photos/{name}.png"}
            for name, content in contents.items()
        }
        return self.ok("POST", "data_units/", {"data_collection": collection, "files": files})

    def chunk(
        self, content: bytes, start: int, total: int, path: str = "chunked_upload/"
    ) -> requests.Response:
        span = f"bytes {start}-{start + len(content) - 1}/{total}"
        return self.request(
            "PUT",
            path,
            files={"file": ("big.bin", content)},
            data={"filename": "big.bin"},
            headers={"Content-Range": span},
        )

    def uploaded(self, content: bytes) -> str:
        upload = self.chunk(content, 0, len(content)).json()
        self.ok("POST", upload["url"], {"md5": md5(content)})
        return upload["id"]


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Two contents of one MD5 and one size, by Wang and Yu.
COLLIDING = (
    bytes.fromhex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
        "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
        "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
        "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
    ),
    bytes.fromhex(
        "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89"
        "55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b"
        "d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
        "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
    ),
)


IMAGE = {"name": "image", "file_type": "image", "is_required": True}


def connect(emulator: Emulator, token: str, tenant: str | None = None) -> Api:
    headers = {"SYNAPSE-Access-Token": f"Token {token}"}
    if tenant is not None:
        headers["SYNAPSE-Tenant"] = f"Token {tenant}"
    return Api(emulator.url, headers)
