"""`synapse cache`: look at the cached files, and remove them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from synapse.cli.lazy_group import HintedGroup, new_app

if TYPE_CHECKING:
    from synapse.transfer.cache_folder import CacheSummary

__all__ = ["cache"]


class _CacheGroup(HintedGroup):
    aliases = {
        **dict.fromkeys(("info", "ls", "list", "size", "status", "get"), "show"),
        **dict.fromkeys(("rm", "clean", "purge", "prune", "delete", "remove"), "clear"),
    }


cache = new_app(cls=_CacheGroup, help="Look at the cached files of this user, and remove them.")


@cache.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print folder, number, size and bound of the cached files."""
    from synapse.transfer.cache_folder import summarize

    summary = summarize()
    if as_json:
        oldest = summary.oldest and summary.oldest.isoformat(timespec="seconds")
        values = {
            "folder": str(summary.folder),
            "files": summary.files,
            "bytes": summary.size,
            "limit": summary.limit,
            "oldest_use": oldest,
        }
        typer.echo(json.dumps(values))
        return
    limit = "no bound" if summary.limit is None else f"at most {_format_size(summary.limit)}"
    typer.echo(str(summary.folder))
    typer.echo(f"{_describe(summary)} ({limit})")
    if summary.oldest is not None:
        typer.echo(f"oldest use: {summary.oldest.astimezone():%Y-%m-%d %H:%M}")


@cache.command()
def clear(
    older_than: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="Keep files that were used since.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing.")] = False,
) -> None:
    """Remove cached files. Programs fetch them again when they need them."""
    from synapse.transfer.cache_folder import clear

    summary = clear(older_than, dry_run=dry_run)
    verb = "Would remove" if dry_run else "Removed"
    kept = f"; {summary.in_use:,} in use stay" if summary.in_use else ""
    typer.echo(f"{verb} {_describe(summary)}{kept}.")


def _describe(summary: CacheSummary) -> str:
    return f"{summary.files:,} files, {_format_size(summary.size)}"


def _format_size(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:,.4g} GiB"
