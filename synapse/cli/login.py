"""`synapse login`, `whoami`, `logout` and `profiles`: credentials and profiles."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from synapse._internal.redaction import redacted
from synapse.cli.options import get_options, print_note
from synapse.cli.output import print_fields, print_rows, resolve_format
from synapse.cli.resource_options import OUTPUT
from synapse.errors import UsageError

__all__ = ["login", "logout", "profiles", "whoami"]

_DEFAULT = "default"
_TOKENS = (
    "api_token",
    "access_token",
    "authorization_token",
    "token",
    "token_command",
    "token_file",
)


def login(
    with_token: Annotated[
        bool, typer.Option("--with-token", help="Read the token from standard input.")
    ] = False,
    tenant: Annotated[str, typer.Option(help="Code of the tenant, if the user has several.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the token, and write nothing.")
    ] = False,
) -> None:
    """Ask for the address and the token, check them, and write a profile."""
    from synapse._internal.server_url import checked_url
    from synapse.config import save_profile
    from synapse.profiles import read_profiles
    from synapse.session import Session

    name = _profile_name()
    known = read_profiles().get(name, {})
    address = get_options().base_url or os.environ.get("SYNAPSE_BASE_URL") or known.get("base_url")
    if with_token:
        if not address:
            raise UsageError("The address is missing. Write synapse login --with-token --base-url.")
        token = sys.stdin.read().strip()
    elif not sys.stdin.isatty():
        raise UsageError("Standard input is not a terminal. Write synapse login --with-token.")
    else:
        place = "--base-url"
        if get_options().base_url is None:
            address = typer.prompt("Base URL", default=address, err=True)
            place = "your answer"
        address = checked_url(str(address), place)  # before the question for the token
        token = typer.prompt("API token", hide_input=True, err=True)
    address = checked_url(str(address), "--base-url")
    with Session(address, token, tenant=tenant or None) as session:
        user = session.me
    if dry_run:
        print_note(f"The token is {user.username}'s. Nothing is written.")
        return
    values = {"base_url": address, "api_token": token}
    path = save_profile(name, {**values, **({"tenant": tenant} if tenant else {})})
    print_note(f"Logged in as {user.username} at {address}: profile [{name}] of {path}.")
    _warn_of_variables()


def whoami(output: OUTPUT = None) -> None:
    """Print the user of the token, and where address and token come from."""
    from synapse.config import resolve
    from synapse.session import Session

    options = get_options()
    settings = resolve(options.base_url, profile=options.profile)
    with Session(options.base_url, profile=options.profile) as session:
        user = session.me
        row: dict[str, Any] = {
            "username": user.username,
            "id": user.id,
            "base_url": settings.base_url,
            "tenant": settings.tenant,
            "profile": settings.profile_read,
            "profile_from": _name_option(settings.sources.get("profile")),
            "token_from": settings.source,
        }
    chosen = resolve_format(output)
    print_fields(row, chosen, key="id")


def logout() -> None:
    """Remove a profile with the token."""
    from synapse.profiles import delete_profile, login_path, read_profiles

    name = _profile_name()
    if name not in read_profiles():
        raise UsageError(f"No profile is named [{name}]. `synapse profiles` lists the profiles.")
    path = delete_profile(name)
    print_note(f"The profile [{name}] is removed from {path}. The token itself is still valid.")
    _warn_of_variables()
    if name == _DEFAULT and login_path().exists():
        print_note(f"The login of the platform's own client in {login_path()} is used from now on.")


def profiles(output: OUTPUT = None) -> None:
    """List the profiles, without tokens."""
    from synapse.profiles import profile_path, read_profiles

    current = _profile_name()
    rows = [
        {
            "profile": name,
            "base_url": redacted(str(values.get("base_url") or "")) or None,
            "tenant": values.get("tenant"),
            "token": next((kind for kind in _TOKENS if values.get(kind)), None),
            "is_current": name == current,
        }
        for name, values in read_profiles().items()
    ]
    chosen = resolve_format(output)
    columns = ["profile", "base_url", "tenant", "token", "is_current"]
    print_rows(rows, chosen, key="profile", columns=columns)
    if not rows:
        print_note(f"{profile_path()} has no profile. `synapse login` writes one.")


def _name_option(source: str | None) -> str | None:
    return "--profile" if source == "the argument profile" else source


def _profile_name() -> str:
    return get_options().profile or os.environ.get("SYNAPSE_PROFILE") or _DEFAULT


def _warn_of_variables() -> None:
    for name in ("SYNAPSE_API_TOKEN", "SYNAPSE_ACCESS_TOKEN"):
        if os.environ.get(name):
            print_note(f"The variable {name} is set, and is used instead of a profile's token.")
