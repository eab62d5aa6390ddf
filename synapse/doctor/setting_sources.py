"""The check of settings: where each one comes from, and which other sources have one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from synapse import profiles
from synapse._internal.server_url import checked_url
from synapse._internal.user_folders import expand_home
from synapse.config import CREDENTIALS, HOST_VARIABLES, TENANT_VARIABLES, file_variable
from synapse.doctor.examination import Examination
from synapse.doctor.report import Finding, failed, ok
from synapse.errors import ConfigurationError

__all__ = ["check_settings"]

_ADDRESS = "base URL"
_TOKEN = "credentials"  # noqa: S105 - the name of a finding
_CURE = "Correct the setting, or run `synapse login`, which writes a profile."


def check_settings(examination: Examination) -> Iterator[Finding]:
    """Yield the base URL, the credentials and the tenant, each with its sources."""
    name = os.environ.get("SYNAPSE_PROFILE") or None
    try:
        settings = examination.transport.settings
    except ConfigurationError as error:
        present = [source for each in _find_sources(name).values() for source in each]
        found = ", ".join(dict.fromkeys(present)) or "none"
        yield failed(f"{error} Sources with settings: {found}.", _CURE)
        return
    sources = _find_sources(settings.profile or name)
    address = settings.sources.get("base_url", "")
    yield ok(
        f"{settings.base_url}, from {address or 'the client'}."
        + _list_others(sources[_ADDRESS], [address]),
        check=_ADDRESS,
    )
    used = [secret.source for secret in settings.credentials.values()]
    kinds = ", ".join(f"{kind} from {one.source}" for kind, one in settings.credentials.items())
    yield ok(f"{kinds or 'none'}." + _list_others(sources[_TOKEN], used), check=_TOKEN)
    tenant = settings.sources.get("tenant", "")
    text = f"{settings.tenant}, from {tenant}." if settings.tenant else "The token's own."
    yield ok(text + _list_others(sources["tenant"], [tenant]), check="tenant")


def _list_others(sources: Mapping[str, str], used: list[str]) -> str:
    others = [
        f"{source} ({value})" if value else source
        for source, value in sources.items()
        if source not in used
    ]
    return f" Not used: {', '.join(others)}." if others else ""


def _find_sources(name: str | None) -> dict[str, dict[str, str]]:
    """Return the sources of each setting, with values of settings that aren't secret."""
    addresses: dict[str, str] = {}
    tokens: dict[str, str] = {}
    tenants: dict[str, str] = {}
    for variable in ("SYNAPSE_BASE_URL", *HOST_VARIABLES):
        if value := os.environ.get(variable):
            addresses[variable] = _show_url(value)
    for kind, (_, variables) in CREDENTIALS.items():
        for variable in variables:
            if os.environ.get(variable):
                tokens[f"the environment variable {variable}"] = ""
        if file := os.environ.get(file_variable(kind)):
            tokens[f"the file {file}"] = ""
    for variable in TENANT_VARIABLES:
        if value := os.environ.get(variable):
            tenants[variable] = value
    # A file that can't be read is a finding of another check.
    profile: Mapping[str, Any] = {}
    with suppress(ConfigurationError):
        profile = profiles.read_profile(name)
    login: Mapping[str, str] = {}
    with suppress(ConfigurationError):
        login = profiles.read_login()
    path = str(profiles.profile_path())
    section = f"the profile [{name or 'default'}] of {path}"
    for values, place, holder in (
        (profile, path, section),
        (login, str(profiles.login_path()), f"the login in {profiles.login_path()}"),
    ):
        if values.get("base_url"):
            addresses[place] = _show_url(values["base_url"])
        if any(values.get(kind) for kind in CREDENTIALS):
            tokens[holder] = ""
        if values.get("token_command"):
            tokens[f"token_command of {holder}"] = ""
        if file := values.get("token_file"):
            tokens[f"the file {profiles.profile_path().parent / expand_home(str(file))}"] = ""
        if values.get("tenant"):
            tenants[place] = str(values["tenant"])
    return {_ADDRESS: addresses, _TOKEN: tokens, "tenant": tenants}


def _show_url(value: Any) -> str:
    try:
        return checked_url(value, "")
    except ConfigurationError:
        return "not a usable URL"
