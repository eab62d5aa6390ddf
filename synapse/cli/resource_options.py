"""Arguments and options that several commands of resources share."""

from __future__ import annotations

from typing import Annotated

import typer

from synapse.cli.completion import complete_fields, complete_filter, complete_value
from synapse.cli.output import Format

__all__ = [
    "DRY_RUN",
    "EXTRA",
    "FIELDS",
    "FILTERS",
    "IDS",
    "IDS_AND_VALUES",
    "OUTPUT",
    "PARAMS",
    "SEARCH",
    "VALUES",
]

OUTPUT = Annotated[
    Format | None,
    typer.Option(
        "--output",
        "-o",
        help="Format; by default a table on a terminal, and JSON Lines in a pipe.",
        show_default=False,
    ),
]
FIELDS = Annotated[
    list[str] | None,
    typer.Option(
        "--fields",
        "-f",
        metavar="NAME,NAME",
        help="Fields to print; the others are not fetched. May be repeated.",
        autocompletion=complete_fields,
    ),
]
FILTERS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="Filters. A list with commas, or a repeated name, means any of the values.",
        autocompletion=complete_filter,
        show_default=False,
    ),
]
VALUES = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME=VALUE...",
        help="Fields: NAME=TEXT, NAME:=JSON, NAME=@FILE; or - for rows (JSON Lines) on stdin.",
        autocompletion=complete_value,
        show_default=False,
    ),
]
IDS = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", help="Ids; - reads them from stdin.", show_default=False),
]
IDS_AND_VALUES = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID... NAME=VALUE...",
        help="Ids, or - for ids or rows (JSON Lines) on stdin; then the fields to set.",
        autocompletion=complete_value,
        show_default=False,
    ),
]
SEARCH = Annotated[
    str | None, typer.Option("--search", help="Words that an object's text must have.")
]
PARAMS = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        help="Parameter that only your server knows; sent unchecked. May be repeated.",
    ),
]
EXTRA = Annotated[
    list[str] | None,
    typer.Option(
        "--extra",
        metavar="NAME=VALUE",
        help="Key that only your server knows; sent unchecked. May be repeated.",
    ),
]
DRY_RUN = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")
]
