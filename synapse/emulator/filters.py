"""Build filters and orderings from the fields of a model."""

# ruff: noqa: ARG002 (the signatures are the framework's)

import functools
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.db.models.lookups import IContains, Lookup
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from synapse.emulator.behaviour_answers import behaviour_of
from synapse.emulator.tenancy import keep_storable, visible

# How a value of a filter is read; by default, as text.
_FORM_FIELDS: dict[type[Any], type[forms.Field]] = {
    models.IntegerField: forms.IntegerField,
    models.FloatField: forms.FloatField,
    models.UUIDField: forms.UUIDField,
}
# Lookups of numbers and times, as the platform has them.
_BOUNDS = ("lt", "lte", "gt", "gte")
_MOST_WORDS = 100
_LONGEST_WORD = 1000


class RepeatedValues(forms.Widget):
    """Reads every value of a repeated key."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str] | None:
        return [value for value in data.getlist(name) if value != ""] or None


class RepeatedField(forms.Field):
    """Clean each value of a repeated key with the field for a single value."""

    widget = RepeatedValues

    def __init__(self, *, item_field: forms.Field, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.item_field = item_field

    def clean(self, value: list[str] | None) -> list[Any] | None:
        return None if value is None else [self.item_field.clean(item) for item in value]


class CommaSeparatedValues(RepeatedValues):
    """Reads the values of ``name__in``: repeated, separated by commas, or both."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str] | None:
        values = super().value_from_datadict(data, files, name)
        if values is None:
            return None
        return [item for value in values for item in value.split(",") if item.strip()]


class UtcDateTimeField(IsoDateTimeField):  # type: ignore[misc] # the library ships no types
    """A time within the years 1 to 9999 in UTC, whatever the offset."""

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        try:
            return moment and moment.astimezone(timezone.utc)
        except OverflowError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


class DateTimeFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc] # the library ships no types
    """A span's end, or a moment."""

    field_class = UtcDateTimeField


class AnyOfFilter(django_filters.Filter):  # type: ignore[misc] # the library ships no types
    """``name=a&name=b``: rows where the field has one of the values."""

    field_class = RepeatedField

    def filter(self, queryset: QuerySet[Any], value: list[Any] | None) -> QuerySet[Any]:
        if value is None:
            return queryset
        return queryset.filter(**{f"{self.field_name}__in": keep_storable(value)})


class ComparisonFilter(django_filters.Filter):  # type: ignore[misc] # the library ships no types
    """``name__lt=3``: rows on one side of a number."""

    def __init__(self, *, field_class: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field_class = field_class


class InFilter(AnyOfFilter):
    """``name__in=a,b``: rows where the field has one of the values."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=CommaSeparatedValues, **kwargs)


class RelationFilter(AnyOfFilter):
    """Like :class:`AnyOfFilter`, for a relation; refuses ids unknown in the tenant."""

    def __init__(self, *, relation: Any, **kwargs: Any) -> None:
        is_uuid = isinstance(relation.target_field, models.UUIDField)
        super().__init__(
            item_field=forms.UUIDField() if is_uuid else forms.IntegerField(), **kwargs
        )
        self.relation = relation

    def filter(self, queryset: QuerySet[Any], value: list[Any] | None) -> QuerySet[Any]:
        if value is None:
            return queryset
        model = self.relation.related_model
        keys = set(keep_storable(value))
        rows = visible(model, self.parent.request).filter(pk__in=keys)
        missing = set(value) - set(rows.values_list("pk", flat=True))
        if missing:
            raise ValidationError(
                {
                    self.label: [
                        f"Select a valid choice. {item} is not one of the available choices."
                        for item in sorted(missing, key=str)
                    ]
                }
            )
        if self.relation.many_to_many:
            # By a subquery: a join would repeat a row for each of the matching relations.
            through = self.relation.remote_field.through
            rows = through.objects.filter(
                **{f"{self.relation.m2m_reverse_field_name()}__in": value}
            )
            return queryset.filter(pk__in=rows.values(self.relation.m2m_field_name()))
        return self.narrow(queryset, keys)

    def narrow(self, queryset: QuerySet[Any], keys: set[Any]) -> QuerySet[Any]:
        """Keep the rows related to any of the given rows of the tenant."""
        return queryset.filter(**{f"{self.field_name}__in": keys})


class ThroughFilter(RelationFilter):
    """As :class:`RelationFilter`, through the rows of another ``model`` that name both sides.

    Args:
        relation: Field of ``model`` to filter by.
        back: Field of ``model`` that names the listed rows.
    """

    def __init__(self, *, relation: Any, back: str, **kwargs: Any) -> None:
        super().__init__(relation=relation, **kwargs)
        self.back = back

    def narrow(self, queryset: QuerySet[Any], keys: set[Any]) -> QuerySet[Any]:
        rows = self.relation.model._default_manager.filter(**{f"{self.relation.name}__in": keys})
        return queryset.filter(pk__in=rows.values(self.back))


def make_column_filters(
    name: str, field_name: str, item_field: Callable[[], forms.Field] = forms.IntegerField
) -> dict[str, django_filters.Filter]:
    """Return the filters of a list by a column.

    Args:
        name: Name of the column in rows and queries.
        field_name: Name of the model's field.
        item_field: Kind of the values.
    """
    filters: dict[str, django_filters.Filter] = {
        name: AnyOfFilter(field_name=field_name, item_field=item_field()),
        f"{name}__in": InFilter(field_name=field_name, item_field=item_field()),
    }
    if item_field in (forms.IntegerField, forms.FloatField):
        for lookup in _BOUNDS:
            filters[f"{name}__{lookup}"] = ComparisonFilter(
                field_name=field_name, lookup_expr=lookup, field_class=item_field
            )
    return filters


class RequestedFilterSet(django_filters.FilterSet):  # type: ignore[misc] # the library ships no types
    """The filters that a query names; the library copies all of a list's for each request."""

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        kind: Any = type(self)
        named = data or {}
        self.base_filters: Any = {
            name: each for name, each in kind.base_filters.items() if name in named
        }
        super().__init__(data, *args, **kwargs)


@functools.cache
def build_filterset(
    model: type[models.Model], view: type[Any] | None = None
) -> type[django_filters.FilterSet]:
    """Build a list's filters by scalar fields, relations and time spans.

    Args:
        model: The listed model.
        view: A view with additional ``more_filters``.
    """
    filters: dict[str, django_filters.Filter] = {}
    for field in (*model._meta.concrete_fields, *model._meta.many_to_many):
        filters.update(_filters_of(field))
    filters.update(getattr(view, "more_filters", {}))
    return type(f"{model.__name__}Filters", (RequestedFilterSet,), filters)


def _filters_of(field: Any) -> dict[str, django_filters.Filter]:
    name = field.name
    if _is_hidden(field):
        return {}
    if field.is_relation:
        many = f"{name}__in"
        return {
            name: RelationFilter(field_name=name, relation=field, label=name),
            many: RelationFilter(
                field_name=name, relation=field, label=many, widget=CommaSeparatedValues
            ),
        }
    if isinstance(field, models.BooleanField):
        return {name: django_filters.rest_framework.BooleanFilter(field_name=name)}
    if isinstance(field, models.DateTimeField):
        suffixes = {"": "exact", "_after": "gte", "_before": "lte"}
        suffixes.update({f"__{lookup}": lookup for lookup in _BOUNDS})
        return {
            **{
                f"{name}{suffix}": DateTimeFilter(field_name=name, lookup_expr=lookup)
                for suffix, lookup in suffixes.items()
            },
            f"{name}__in": InFilter(field_name=name, item_field=UtcDateTimeField()),
        }
    kinds = (form for kind, form in _FORM_FIELDS.items() if isinstance(field, kind))
    form_field = next(kinds, functools.partial(forms.CharField, strip=False))
    return make_column_filters(name, name, form_field)


class ModelFilterBackend(DjangoFilterBackend):  # type: ignore[misc] # the library ships no types
    """django-filter, with the filters of the view's model."""

    def get_filterset_class(self, view: APIView, queryset: QuerySet[Any] | None = None) -> Any:
        kind: Any = type(view)
        return build_filterset(_model_of(queryset), kind) if queryset is not None else None


class AsciiContains(IContains):
    """Contains a text, whatever the case of ASCII letters, in every database.

    On PostgreSQL, Django compares in capitals, which depend on the database's language.
    """

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, values = Lookup.process_lhs(self, compiler, connection)
        pattern, more = self.process_rhs(compiler, connection)
        return f"{column} ILIKE {pattern}", [*values, *more]


for _kind in (models.CharField, models.TextField, models.JSONField):
    _kind.register_lookup(AsciiContains)


class BoundedSearchFilter(SearchFilter):
    """``search=``, within the size that every database takes in one statement."""

    def get_search_terms(self, request: Request) -> list[str]:
        terms: list[str] = super().get_search_terms(request)
        if len(terms) > _MOST_WORDS or any(len(term) > _LONGEST_WORD for term in terms):
            raise ValidationError(
                {
                    self.search_param: [
                        f"A search has at most {_MOST_WORDS} words of {_LONGEST_WORD} characters."
                    ]
                }
            )
        return terms


class StableOrderingFilter(OrderingFilter):
    """``ordering=`` on every scalar field and relation; ties are broken by the id.

    Without an order that is total, a row could be on two pages, or on none.
    """

    def get_default_valid_fields(
        self, queryset: QuerySet[Any], view: APIView, context: Any = None
    ) -> list[tuple[str, str]]:
        names = {*find_sortable_fields(_model_of(queryset)), *getattr(view, "columns", ())}
        return [(name, name) for name in sorted(names)]

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> Sequence[str]:
        columns = getattr(view, "columns", {})
        names = super().get_ordering(request, queryset, view) or ()
        ordering = [
            "-" * name.startswith("-") + columns.get(name.removeprefix("-"), name.removeprefix("-"))
            for name in names
        ]
        if {"id", "-id"} & set(ordering):
            return ordering
        if behaviour_of(request).unordered_ties:
            # As PostgreSQL may: each page is sorted by itself.
            page = request.query_params.get("page", "1")
            return [*ordering, "id" if page in ("", "1") or page[-1] in "13579" else "-id"]
        return [*ordering, "id"]


def _model_of(queryset: QuerySet[Any]) -> Any:
    return queryset.model


@functools.cache
def find_sortable_fields(model: type[models.Model]) -> tuple[str, ...]:
    """Return the fields that can order a list of a model."""
    return tuple(field.name for field in model._meta.concrete_fields if not _is_hidden(field))


def _is_hidden(field: Any) -> bool:
    """Return whether a field isn't a visible column."""
    return field.name in ("tenant", "blob") or isinstance(
        field, models.JSONField | models.FileField
    )


def find_searchable_fields(model: type[models.Model]) -> tuple[str, ...]:
    """Return the fields that ``search=`` covers."""
    names: list[str] = []
    for name in ("title", "name", "code", "version", "action", "description", "meta"):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        is_last_resort = name == "version" or isinstance(field, models.JSONField)
        if not is_last_resort or not names:
            names.append(name)
    return tuple(names)
