"""Pack code that isn't released, for a debugging run."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synapse.agent.http_errors import Refusal
from synapse.errors import UsageError
from synapse.plugins.config_file import CONFIG_NAMES, find_config
from synapse.plugins.folder import list_files
from synapse.plugins.packaging import Package, pack

__all__ = ["pack_debug_release"]

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
#: Values of a configuration that only a release needs.
_DEFAULTS = {"code": "debug", "name": "Debug", "version": "0.0.0", "category": "export"}


def pack_debug_release(body: Mapping[str, Any], dest: Path) -> Package:
    """Pack the code of a debugging run like a release.

    Args:
        body: `plugin_path` (a folder on this machine) or `modules` (source code by module), or
            both; `config` replaces the folder's configuration, and `requirements` come in addition.
        dest: Path of the zip.

    Raises:
        Refusal: A value is invalid, or the code can't be packed; the response says why.
    """
    _validate(body)
    with tempfile.TemporaryDirectory(prefix="synapse-debug-") as name:
        folder = Path(name)
        try:
            if body.get("plugin_path") is not None:
                _copy(Path(body["plugin_path"]), folder)
            for module, code in (body.get("modules") or {}).items():
                path = folder / f"{module.replace('.', '/')}.py"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(code, encoding="utf-8")
            _write_config(folder, body.get("config"), body.get("requirements") or [])
            # The code stays on this machine.
            return pack(folder, dest, allow_credentials=True)
        except (UsageError, OSError) as error:
            field = "plugin_path" if body.get("modules") is None else "modules"
            raise Refusal(400, {field: [f"The code can't be run: {error}"]}) from None


def _validate(body: Mapping[str, Any]) -> None:
    problems: dict[str, Any] = {}
    path, modules = body.get("plugin_path"), body.get("modules")
    if path is None and modules is None:
        problems["modules"] = ["Give the source code by module, or a folder as plugin_path."]
    if path is not None and not (isinstance(path, str) and Path(path).is_absolute()):
        problems["plugin_path"] = ["Give the absolute path of a folder on the agent's machine."]
    if modules is not None and not _are_modules(modules):
        problems["modules"] = ["Give an object of source code by name, such as plugin.train."]
    if not isinstance(body.get("config") or {}, dict):
        problems["config"] = ["Give an object."]
    requirements = body.get("requirements")
    if requirements is not None and not _are_texts(requirements):
        problems["requirements"] = ["Give a list of requirements, as pip takes them."]
    if problems:
        raise Refusal(400, problems)


def _are_modules(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _MODULE.fullmatch(name) and isinstance(code, str) for name, code in value.items()
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _copy(source: Path, folder: Path) -> None:
    for file in list_files(source):
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, target)


def _write_config(folder: Path, config: Mapping[str, Any] | None, requirements: list[str]) -> None:
    """Write the configuration as JSON, in place of the folder's."""
    document = dict(find_config(folder)[1] if config is None else config)
    document = {**_DEFAULTS, **document}
    if requirements:
        listed = document.get("requirements") or _read_requirements(folder)
        document.update(requirements=[*listed, *requirements], install=True)
    for name in CONFIG_NAMES:
        (folder / name).unlink(missing_ok=True)
    text = json.dumps(document, default=str)
    (folder / "config.json").write_text(text, encoding="utf-8")


def _read_requirements(folder: Path) -> list[str]:
    """Return the lines of the folder's requirements.txt, which the configuration's replace."""
    path = folder / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
