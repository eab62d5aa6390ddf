"""`synapse configure`: write a profile."""

from __future__ import annotations

from typing import Annotated

import typer

from synapse.cli.options import get_options
from synapse.cli.output import print_line

__all__ = ["configure"]


def configure(
    profile: Annotated[str, typer.Option(help="Name of the profile.", show_default="default")] = "",
    base_url: Annotated[
        str, typer.Option(prompt="Base URL", help="Address of the server; prompted for if omitted.")
    ] = "http://127.0.0.1:8000",
    api_token: Annotated[
        str,
        typer.Option(
            prompt="API token", hide_input=True, help="API token; prompted for if omitted."
        ),
    ] = "",
    tenant: Annotated[str, typer.Option(help="Code of the tenant, if the user has several.")] = "",
) -> None:
    """Check a token, and write a profile with the address and the token."""
    from synapse.config import save_profile
    from synapse.session import Session

    profile = profile or get_options().profile or "default"
    with Session(base_url, api_token, tenant=tenant or None) as session:
        user = session.me
    values = {"base_url": base_url, "api_token": api_token}
    path = save_profile(profile, {**values, **({"tenant": tenant} if tenant else {})})
    print_line(f"Profile [{profile}] for {user.username} is written to {path}")
