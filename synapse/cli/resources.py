"""`synapse tasks list`: the commands of each resource, made from the declaration."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated, Any

import typer
from typing_extensions import override

from synapse._internal.lazy_import import load
from synapse.cli.completion import complete_fields
from synapse.cli.errors import FAILED
from synapse.cli.ids import NO_IDS, Results, Target, batches, read_targets
from synapse.cli.lazy_group import HintedCommand, new_app
from synapse.cli.options import open_session, print_note
from synapse.cli.output import (
    Format,
    is_terminal,
    normalize,
    print_fields,
    print_line,
    print_rows,
    resolve_format,
)
from synapse.cli.resource_options import (
    FIELDS,
    FILTERS,
    IDS,
    OUTPUT,
    PARAMS,
    SEARCH,
)
from synapse.cli.values import (
    check_key,
    read_filters,
    read_pairs,
    split_names,
)
from synapse.cli.writing_verbs import WritingVerbs

__all__ = ["make_command"]

# Rows of a table on a terminal, unless -n says another number.
_SCREENFUL = 50


def make_command(plural: str, verb: str) -> typer.Typer:
    """Return a command of a resource, as an application.

    Args:
        plural: Root manager of the resource, such as `data_units`.
        verb: Name of the command.
    """
    cls: Any = load("synapse.orm.registry").get_by_plural(plural)
    commands = _Verbs(cls).list_commands()
    function = commands.get(verb) or load("synapse.cli.verbs").make_command(cls, verb)
    lookups = load("synapse.orm.lookups")
    names = lookups.filter_names(cls.__schema__) | set(cls.__schema__.fields)
    command = type("_ResourceCommand", (_ResourceCommand,), {"names": names, "resource": cls})
    app = new_app()
    app.command(verb, cls=command)(function)
    return app


class _ResourceCommand(HintedCommand):
    """A command whose help names the resource's fields or filters.

    Attributes:
        resource: The resource.
    """

    resource: Any = None

    @override
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the names below the options."""
        heading, rows = load("synapse.cli.field_help").describe_names(self.resource, self.name)
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows)


class _Verbs(WritingVerbs):
    """The commands that work the same way for every resource."""

    def list_commands(self) -> dict[str, Callable[..., None]]:
        """Return the commands that the server offers for this resource, by name."""
        manager, resource = load("synapse.orm.manager"), load("synapse.orm.resource")
        has_list = self.schema.list_path is not None
        offered: dict[str, tuple[bool, Callable[..., None]]] = {
            "list": (has_list, self.list_objects),
            "get": (has_list or self.schema.has_detail, self.get),
            "count": (has_list, self.count),
            "create": (issubclass(self.schema.manager, manager.Creates), self.create),
            "update": (issubclass(self.cls, resource.Editable), self.update),
            "delete": (issubclass(self.cls, resource.Deletable), self.delete),
            "open": (self.schema.has_detail, self.open),
        }
        return {name: function for name, (is_offered, function) in offered.items() if is_offered}

    # -- Reading -----------------------------------------------------------------------------

    def list_objects(
        self,
        filters: FILTERS = None,
        limit: Annotated[
            int | None,
            typer.Option(
                "--limit",
                "-n",
                min=0,
                help="Largest number of rows; 0 for all. By default all, and 50 on a terminal.",
                show_default=False,
            ),
        ] = None,
        output: OUTPUT = None,
        fields: FIELDS = None,
        sort: Annotated[
            list[str] | None,
            typer.Option(
                "--sort",
                "-s",
                metavar="NAME,-NAME",
                help="Order; a - in front means descending. May be repeated.",
                autocompletion=complete_fields,
            ),
        ] = None,
        search: SEARCH = None,
        params: PARAMS = None,
    ) -> None:
        """List the objects that match."""
        chosen = resolve_format(output)
        names = split_names(fields)
        is_preview = limit is None and chosen is Format.TABLE and is_terminal()
        most = _SCREENFUL if is_preview else limit or None
        with open_session() as session:
            query = self._query(session, filters, search, params)
            if sort:
                query = query.order_by(*split_names(sort))
            key = self.schema.key
            columns = names or self.list_columns(chosen)
            if chosen is Format.IDS:
                wanted = [key]
            elif names or chosen is Format.TABLE:
                wanted = columns
            else:
                wanted = []  # all that the server sends
            if most is not None:
                query = query[: most + is_preview]
            rows = (normalize(self.schema, row) for row in query.values(*wanted))
            print_rows(islice(rows, most), chosen, key=key, columns=columns, is_chosen=bool(names))
            if is_preview and next(rows, None) is not None:
                print_note(f"The first {_SCREENFUL}; -n 0 lists all.")

    def get(self, ids: IDS = None, output: OUTPUT = None, fields: FIELDS = None) -> None:
        """Print objects by their ids."""
        chosen = resolve_format(output)
        names = split_names(fields)
        results = Results(self.schema.name)
        targets = read_targets(self.schema, ids or (), results)
        first, second = next(targets, None), next(targets, None)
        if first is None:
            if not results.failed:
                print_note(NO_IDS)
            results.finish()
            return
        with open_session() as session:
            query = getattr(session, self.schema.plural)
            query = query.only(*names) if names else query

            def choose(one: Any) -> dict[str, Any]:
                row = normalize(self.schema, one.to_dict())
                return {name: row.get(name) for name in names} if names else row

            if second is None:
                row = choose(query.get(first.key))
                results.done = 1
                print_fields(row, chosen, key=self.schema.key)
                results.finish()
                return

            def rows() -> Iterator[dict[str, Any]]:
                for batch in batches(_chain(first, second, targets)):
                    found = self.find(query, [target.key for target in batch])
                    for target in batch:
                        if target.key in found:
                            results.done += 1
                            yield choose(found[target.key])
                        else:
                            results.fail(target.key, "not found.")

            columns = names or self.list_columns(chosen)
            print_rows(rows(), chosen, key=self.schema.key, columns=columns, is_chosen=bool(names))
        results.finish()

    def count(self, filters: FILTERS = None, search: SEARCH = None, params: PARAMS = None) -> None:
        """Print the number of objects that match."""
        with open_session() as session:
            print_line(str(self._query(session, filters, search, params).count()))

    def open(
        self,
        id: Annotated[str, typer.Argument(metavar="ID", help="Id of the object.")],  # noqa: A002 - as get()
    ) -> None:
        """Open the object's page in a browser, and print the address."""
        contents = load("synapse.display.contents")
        key = check_key(self.schema, id)
        with open_session() as session:
            one = session.identity.get_or_stub(self.cls, key)
            # A template with the project needs the object, by one request.
            address = contents.find_link(one)
            if address is None and session.transport.settings.web_url is not None:
                address = contents.find_link(self._query(session, None, None, None).get(key))
        if address is None:
            print_note(
                "The address of the platform's pages isn't known. Set SYNAPSE_WEB_URL, such as "
                "https://app.example.com/{kind}/{id}."
            )
            raise typer.Exit(FAILED)
        print_line(address)
        if is_terminal():
            webbrowser.open(address)

    # -- Inside ------------------------------------------------------------------------------

    def _query(
        self, session: Any, filters: list[str] | None, search: str | None, params: list[str] | None
    ) -> Any:
        query = getattr(session, self.schema.plural).all()
        if params:
            query = query.filter(params={name: value for name, value, _ in read_pairs(params)})
        if filters:
            query = query.filter(**read_filters(self.schema, filters))
        return query.search(search) if search else query


def _chain(first: Target, second: Target, rest: Iterator[Target]) -> Iterator[Target]:
    yield first
    yield second
    yield from rest
