"""Commands that create, change and delete objects of any resource."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synapse._internal.hints import suggestion
from synapse.cli.dry_run import open_dry_session, preview_each
from synapse.cli.ids import (
    NO_IDS,
    Results,
    Target,
    attempt,
    batches,
    read_rows,
    read_targets,
    refuse_arguments,
    run_batch,
)
from synapse.cli.options import open_session, print_note
from synapse.cli.output import (
    Format,
    normalize,
    print_fields,
    print_rows,
    resolve_format,
)
from synapse.cli.resource_options import DRY_RUN, EXTRA, IDS, IDS_AND_VALUES, OUTPUT, VALUES
from synapse.cli.values import is_pair, merge_row, read_pairs, read_values
from synapse.errors import BulkError, NotFound, UsageError

if TYPE_CHECKING:
    from synapse.orm.resource import Resource
    from synapse.orm.schema import Schema

__all__ = ["WritingVerbs"]

# Columns that a table offers; a narrow terminal shows the first of them.
_MOST_COLUMNS = 9


class WritingVerbs:
    """The commands that write.

    Args:
        cls: The resource.
    """

    def __init__(self, cls: type[Resource]) -> None:
        self.cls = cls
        self.schema: Schema = cls.__schema__

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
        with open_dry_session() if dry_run else open_session() as session:
            manager = getattr(session, self.schema.plural)
            if dry_run and not has_rows:
                bodies = [{**manager._body(fixed), **more}]
                print_rows(bodies, chosen, key=self.schema.key, columns=[*self.schema.fields])
                return
            if not has_rows:
                made = manager.create(extra=more, **fixed)
                print_fields(normalize(self.schema, made.to_dict()), chosen, key=self.schema.key)
                print_note(f"Created {self.schema.label(made._key)}.")
                return
            results = Results("Line")
            create = self._preview_rows if dry_run else self._create_rows
            rows = create(manager, fixed, results)
            columns = self.list_columns(chosen)
            with results.report_stop():
                print_rows(rows, chosen, key=self.schema.key, columns=columns, is_chosen=False)
        results.finish()

    def _preview_rows(
        self, manager: Any, fixed: dict[str, Any], results: Results
    ) -> Iterator[dict[str, Any]]:
        for number, row in refuse_arguments(self.cls, manager, read_rows(results), results):
            body = attempt(manager._body, merge_row(row, fixed, ""))
            if isinstance(body, Exception):
                results.fail(number, body)
            else:
                results.done += 1
                yield body

    def _create_rows(
        self, manager: Any, fixed: dict[str, Any], results: Results
    ) -> Iterator[dict[str, Any]]:
        rows = refuse_arguments(self.cls, manager, read_rows(results), results)
        for batch in batches(rows):
            numbered = [(number, merge_row(row, fixed, "")) for number, row in batch]
            made: Iterable[tuple[int, Any]]
            if hasattr(manager, "bulk_create"):
                made = self._create_batch(manager, numbered, results)
            else:
                made = ((at, attempt(manager.create, **row)) for at, row in numbered)
            for number, one in made:
                if isinstance(one, Exception):
                    results.fail(number, one)
                else:
                    results.done += 1
                    yield normalize(self.schema, one.to_dict())
                    sys.stdout.flush()  # a process that is killed has told what it made

    def _create_batch(
        self, manager: Any, numbered: list[tuple[int, dict[str, Any]]], results: Results
    ) -> list[tuple[int, Any]]:
        """Create a batch; rows that are refused don't stop the others."""
        good: list[tuple[int, dict[str, Any]]] = []
        for number, row in numbered:
            why = attempt(manager._body, row)
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
            # The server refuses a batch as a whole and names the rows; the rest goes again.
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

        def assign(one: Any, target: Target) -> None:
            fields = merge_row(target.row, values, self.schema.key)
            self._check_settable(fields)
            for name, value in fields.items():
                setattr(one, name, value)

        def check(one: Any, target: Target) -> None:
            try:
                assign(one, target)
            finally:
                one.revert()

        def change(one: Any, target: Target) -> None:
            try:
                assign(one, target)
                one.save()
            except BaseException:
                one.revert()
                raise

        if dry_run:
            self._preview_each(ids, "change", check)
        else:
            self._each(ids, change)

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
        if dry_run:
            self._preview_each(words, "delete", lambda *_: None)
        else:
            self._each(words, _delete)

    def _preview_each(
        self, ids: list[str], verb: str, check: Callable[[Any, Target], object]
    ) -> None:
        with open_dry_session() as session:
            query = getattr(session, self.schema.plural)
            preview_each(
                self.schema,
                read_targets(self.schema, ids),
                verb,
                find=lambda keys: self.find(query, keys),
                check=check,
            )

    def _each(self, ids: list[str], action: Callable[[Any, Target], Any]) -> None:
        """Act on each object, several at a time; print the ids of those that are done."""
        results = Results(self.schema.name)
        with open_session() as session:

            def act(target: Target) -> Any:
                one = session.identity.get_or_stub(self.cls, target.key)
                return attempt(action, one, target)

            with results.report_stop():
                for batch in batches(read_targets(self.schema, ids, results)):
                    run_batch(act, batch, results)
        if not results.done and not results.failed:
            print_note(NO_IDS)
        results.finish()

    def find(self, query: Any, keys: Sequence[Any]) -> dict[Any, Any]:
        """Return the objects by id, or by another name such as a plugin's code."""
        id_types = self.schema.fields[self.schema.key].id_types
        found: dict[Any, Any] = query.in_bulk([key for key in keys if type(key) in id_types])
        for key in keys:
            if type(key) not in id_types:
                one = _get(query, key)
                if one is not None:
                    found[key] = one
        return found

    def list_columns(self, output: Format) -> list[str]:
        """Return the columns of a table, those of the summary first, or all fields for CSV."""
        if output is not Format.TABLE:
            return list(self.schema.fields)
        fields = self.schema.fields
        first = [self.schema.key, *self.schema.summary]
        others = [
            name
            for name, field in fields.items()
            if field.is_filterable and not field.declared.is_many and not field.is_list
        ]
        return list(dict.fromkeys([*first, *others]))[:_MOST_COLUMNS]

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


def _delete(one: Any, target: Target) -> None:
    del target  # the id alone decides
    one.delete()


def _get(query: Any, key: Any) -> Any:
    try:
        return query.get(key)
    except NotFound:
        return None
