"""`synapse tasks list`: a group for each resource, made from the declaration."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typing_extensions import override

from synapse._internal.hints import suggestion
from synapse._internal.lazy_import import load
from synapse.cli.completion import complete_fields
from synapse.cli.errors import FAILED
from synapse.cli.ids import NO_IDS, Results, Target, batches, read_rows, read_targets
from synapse.cli.lazy_group import HintedCommand, HintedGroup, new_app
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
from synapse.cli.resource_names import get_plural
from synapse.cli.resource_options import (
    DRY_RUN,
    EXTRA,
    FIELDS,
    FILTERS,
    IDS,
    IDS_AND_VALUES,
    OUTPUT,
    PARAMS,
    SEARCH,
    VALUES,
)
from synapse.cli.values import (
    check_key,
    is_pair,
    merge_row,
    read_filters,
    read_pairs,
    read_values,
    split_names,
)
from synapse.errors import (
    AuthenticationError,
    BulkError,
    NotFound,
    SessionClosed,
    SynapseError,
    UsageError,
)

if TYPE_CHECKING:
    from synapse.orm.resource import Resource
    from synapse.orm.schema import Schema

__all__ = ["make_group"]

# Advice for an id behind the name of a group, as other tools take one.
_ID_HINTS = {"logs": "type synapse jobs logs ID -f."}
# Rows of a table on a terminal, unless -n says another number.
_SCREENFUL = 50
_WORKERS = 8
# Columns that a table offers; a narrow terminal shows the first of them.
_MOST_COLUMNS = 9


def make_group(name: str) -> typer.Typer:
    """Return the application of a resource.

    Args:
        name: Name of the group, such as `data-units`.
    """
    registry = load("synapse.orm.registry")
    cls = registry.get_by_plural(get_plural(name))
    if cls is None:
        raise UsageError(f"No resource {name!r} is declared.")
    id_hint = _ID_HINTS.get(name, HintedGroup.id_hint)
    group = type("_ResourceGroup", (HintedGroup,), {"id_hint": id_hint})
    app = new_app(cls=group, help=(cls.__doc__ or "").partition("\n")[0])
    commands = _Verbs(cls).list_commands()
    for verb, function in load("synapse.cli.verbs").list_methods(cls, known=set(commands)).items():
        commands[verb] = function
    lookups = load("synapse.orm.lookups")
    names = lookups.filter_names(cls.__schema__) | set(cls.__schema__.fields)
    command = type("_ResourceCommand", (_ResourceCommand,), {"names": names, "resource": cls})
    for verb, function in commands.items():
        app.command(verb, cls=command)(function)
    # With one command alone, typer would make that command the whole application.
    app.callback()(_do_nothing)
    return app


def _do_nothing() -> None:
    pass


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


class _Verbs:
    """The commands that work the same way for every resource."""

    def __init__(self, cls: type[Resource]) -> None:
        self.cls = cls
        self.schema: Schema = cls.__schema__

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
            columns = names or self._columns(chosen)
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
        targets = read_targets(self.schema, ids or ())
        first, second = next(targets, None), next(targets, None)
        if first is None:
            print_note(NO_IDS)
            return
        with open_session() as session:
            query = getattr(session, self.schema.plural)
            query = query.only(*names) if names else query

            def choose(one: Any) -> dict[str, Any]:
                row = normalize(self.schema, one.to_dict())
                return {name: row.get(name) for name in names} if names else row

            if second is None:
                row = choose(query.get(first.key))
                print_fields(row, chosen, key=self.schema.key)
                return

            def rows() -> Iterator[dict[str, Any]]:
                for batch in batches(_chain(first, second, targets)):
                    found = self._find(query, [target.key for target in batch])
                    for target in batch:
                        if target.key in found:
                            results.done += 1
                            yield choose(found[target.key])
                        else:
                            results.fail(target.key, "not found.")

            columns = names or self._columns(chosen)
            print_rows(rows(), chosen, key=self.schema.key, columns=columns, is_chosen=bool(names))
        results.finish()

    def count(self, filters: FILTERS = None, search: SEARCH = None, params: PARAMS = None) -> None:
        """Print the number of objects that match."""
        with open_session() as session:
            print_line(str(self._query(session, filters, search, params).count()))

    # -- Writing -----------------------------------------------------------------------------

    def create(
        self,
        values: VALUES = None,
        output: OUTPUT = None,
        extra: EXTRA = None,
        dry_run: DRY_RUN = False,
    ) -> None:
        """Create an object, or with - one for each row of standard input."""
        words = list(values or ())
        has_rows = "-" in words
        fixed = read_values(self.schema, (word for word in words if word != "-"))
        more = {name: value for name, value, _ in read_pairs(extra or ())}
        if has_rows and more:
            raise UsageError("--extra can't be used with rows on stdin.")
        if not has_rows and not fixed:
            raise UsageError("No values. Write them as in title='My project', or - for rows.")
        chosen = resolve_format(output)
        with open_session() as session:
            manager = getattr(session, self.schema.plural)
            if dry_run:
                items = (
                    (merge_row(row, fixed, "") for _, row in read_rows()) if has_rows else [fixed]
                )
                bodies = (manager._body(item) for item in items)
                print_rows(bodies, chosen, key=self.schema.key, columns=[*self.schema.fields])
                return
            if not has_rows:
                made = manager.create(extra=more, **fixed)
                print_fields(normalize(self.schema, made.to_dict()), chosen, key=self.schema.key)
                print_note(f"Created {self.schema.label(made._key)}.")
                return
            results = Results("Line")
            rows = self._create_rows(manager, fixed, results)
            print_rows(
                rows, chosen, key=self.schema.key, columns=self._columns(chosen), is_chosen=False
            )
        results.finish()

    def _create_rows(
        self, manager: Any, fixed: dict[str, Any], results: Results
    ) -> Iterator[dict[str, Any]]:
        for batch in batches(read_rows()):
            numbered = [(number, merge_row(row, fixed, "")) for number, row in batch]
            if hasattr(manager, "bulk_create"):
                made = self._create_batch(manager, numbered, results)
            else:
                made = [(at, _attempt(manager.create, row)) for at, row in numbered]
            for number, one in made:
                if isinstance(one, Exception):
                    results.fail(number, one)
                else:
                    results.done += 1
                    yield normalize(self.schema, one.to_dict())

    def _create_batch(
        self, manager: Any, numbered: list[tuple[int, dict[str, Any]]], results: Results
    ) -> list[tuple[int, Any]]:
        """Create a batch; rows that are refused don't stop the others."""
        good: list[tuple[int, dict[str, Any]]] = []
        for number, row in numbered:
            why = _attempt(manager._body, {"values": row})
            if isinstance(why, Exception):
                results.fail(number, why)
            else:
                good.append((number, row))
        if not good:
            return []
        try:
            made = manager.bulk_create([row for _, row in good], batch_size=len(good))
        except BulkError as error:
            if not error.errors:
                raise
            # The server refuses a batch as a whole and names the rows; the rest is sent again.
            for position, why in error.errors.items():
                results.fail(good[position][0], why)
            rest = [pair for at, pair in enumerate(good) if at not in error.errors]
            return self._create_batch(manager, rest, results)
        return list(zip((number for number, _ in good), made, strict=True))

    def update(self, words: IDS_AND_VALUES = None, dry_run: DRY_RUN = False) -> None:
        """Change fields of objects. One request for each object."""
        ids, pairs = _divide(words)
        values = read_values(self.schema, pairs)
        self._check_settable(values)
        if not values and "-" not in ids:
            raise UsageError("No field to set. Write them as in priority=high.")

        def change(one: Any, target: Target) -> None:
            fields = merge_row(target.row, values, self.schema.key)
            self._check_settable(fields)
            try:
                for name, value in fields.items():
                    setattr(one, name, value)
                one.save()
            except BaseException:
                one.revert()
                raise

        self._each(ids, change, "change", dry_run)

    def delete(
        self,
        ids: IDS = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
        dry_run: DRY_RUN = False,
    ) -> None:
        """Delete objects, after a question. One request for each object."""
        words = ids or []
        if not (yes or dry_run):
            if "-" in words or not sys.stdin.isatty():
                raise UsageError("delete needs --yes if standard input is not a terminal.")
            targets = list(read_targets(self.schema, words))
            what = ", ".join(self.schema.label(target.key) for target in targets[:5])
            more = f" and {len(targets) - 5} more" if len(targets) > 5 else ""
            _confirm(f"Delete {what}{more}?")
        self._each(words, _delete, "delete", dry_run)

    def _each(
        self, ids: list[str], action: Callable[[Any, Target], Any], verb: str, dry_run: bool
    ) -> None:
        """Act on each object, several at a time; print the ids of those that are done."""
        results = Results(self.schema.name)
        with open_session() as session:

            def act(target: Target) -> Any:
                one = session.identity.get_or_stub(self.cls, target.key)
                return _attempt(action, {"one": one, "target": target})

            for batch in batches(read_targets(self.schema, ids)):
                if dry_run:
                    for target in batch:
                        print_note(f"Would {verb} {self.schema.label(target.key)}.")
                    results.done += len(batch)
                    continue
                run_each = load("synapse._internal.threads").run_each
                for target, why in zip(
                    batch, run_each(act, batch, _WORKERS, "synapse-cli"), strict=True
                ):
                    if isinstance(why, Exception):
                        results.fail(target.key, why)
                    else:
                        results.done += 1
                        print_line(str(target.key))
        if not results.done and not results.failed:
            print_note(NO_IDS)
        results.finish()

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

    def _find(self, query: Any, keys: Sequence[Any]) -> dict[Any, Any]:
        """Return the objects by id, or by another name such as a plugin's code."""
        id_types = self.schema.fields[self.schema.key].id_types
        found: dict[Any, Any] = query.in_bulk([key for key in keys if type(key) in id_types])
        for key in keys:
            if type(key) not in id_types:
                one = _get(query, key)
                if one is not None:
                    found[key] = one
        return found

    def _query(
        self, session: Any, filters: list[str] | None, search: str | None, params: list[str] | None
    ) -> Any:
        query = getattr(session, self.schema.plural).all()
        if params:
            query = query.filter(params={name: value for name, value, _ in read_pairs(params)})
        if filters:
            query = query.filter(**read_filters(self.schema, filters))
        return query.search(search) if search else query

    def _columns(self, output: Format) -> list[str]:
        """Return the columns of a table, the most useful ones first, or all for CSV."""
        if output is not Format.TABLE:
            return list(self.schema.fields)
        fields = self.schema.fields
        telling = [self.schema.key, *self.schema.summary]
        others = [
            name
            for name, field in fields.items()
            if field.is_filterable and not field.declared.is_many and not field.is_list
        ]
        return list(dict.fromkeys([*telling, *others]))[:_MOST_COLUMNS]

    def _check_settable(self, values: dict[str, Any]) -> None:
        known = {
            spelling
            for name, field in self.schema.fields.items()
            if not field.declared.read_only
            for spelling in (name, *([f"{name}_id"] if field.is_relation else []))
        }
        for name in values:
            if name not in known:
                raise UsageError(
                    f"{self.schema.name} has no field {name!r} to set{suggestion(name, known)}"
                )


def _confirm(question: str) -> None:
    """Ask on standard error; typer's question writes to standard output, where the ids go.

    Raises:
        typer.Abort: The answer isn't yes.
    """
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort


def _divide(words: list[str] | None) -> tuple[list[str], list[str]]:
    """Return the ids and the pairs of `ID... NAME=VALUE...`."""
    pairs = [word for word in words or () if is_pair(word)]
    return [word for word in words or () if not is_pair(word)], pairs


def _attempt(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Return the result, or the error of one object, which must not stop the others."""
    try:
        return function(**arguments)
    except (AuthenticationError, SessionClosed):
        raise
    except (SynapseError, AttributeError, TypeError, ValueError) as error:
        return error


def _delete(one: Any, target: Target) -> None:
    del target  # the id alone decides
    one.delete()


def _get(query: Any, key: Any) -> Any:
    try:
        return query.get(key)
    except NotFound:
        return None


def _chain(first: Target, second: Target, rest: Iterator[Target]) -> Iterator[Target]:
    yield first
    yield second
    yield from rest
