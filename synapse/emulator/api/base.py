"""The common base of all endpoints.

A new resource is a model that is :class:`~synapse.emulator.models.base.TenantOwned`, a
:class:`ResourceSerializer` and a :class:`ResourceViewSet` with the mixins for the verbs.
"""

# ruff: noqa: ARG002 (the signatures are the framework's)

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import QuerySet
from rest_flex_fields import FlexFieldsModelSerializer
from rest_framework import serializers, status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from synapse.emulator.api.acceptance import compile_acceptance
from synapse.emulator.api.fields import (
    DocumentField,
    PositionalListSerializer,
    TenantRelatedField,
    copy_field,
    is_storable,
)
from synapse.emulator.api.related_values import RelatedValues
from synapse.emulator.api.representation import compile_rows
from synapse.emulator.bulk_insert import insert_rows
from synapse.emulator.expansion import prefetch_expansions, read_expand_paths
from synapse.emulator.filters import find_searchable_fields
from synapse.emulator.models import Tenant
from synapse.emulator.tenancy import split_batches, tenant_of, visible

_fields_by_class: dict[type[Any], dict[str, Any]] = {}


class BulkListSerializer(PositionalListSerializer):
    """A list body, validated and created as a whole."""

    child: Any

    def to_internal_value(self, data: Any) -> list[Any]:
        items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
        for name, field in self.child.fields.items():
            relation = getattr(field, "child_relation", field)
            if isinstance(relation, TenantRelatedField) and not field.read_only:
                values = (item.get(name) for item in items)
                relation.prefetch(
                    key
                    for value in values
                    for key in (value if isinstance(value, list) else [value])
                )
        self.child.prepare_bulk(items)
        are_storable = (
            bool(items) and len(items) == len(data) and _are_plain(items) and is_storable(items)
        )
        self._accept = compile_acceptance(self.child, are_storable=are_storable)
        return super().to_internal_value(data)

    def run_child_validation(self, data: Any) -> Any:
        accepted = self._accept(data)
        return super().run_child_validation(data) if accepted is None else accepted

    @property
    def data(self) -> Any:
        shown = super().data
        RelatedValues.of(self.context).fill(self.context["request"])
        return shown

    def create(self, validated_data: list[dict[str, Any]]) -> list[Any]:
        rows: list[Any] = self.child.bulk_create(validated_data)
        return rows


def _are_plain(items: list[Any]) -> bool:
    """Return whether all items come from JSON; those of a form may have files."""
    return all(type(item) is dict for item in items)


class ResourceSerializer(FlexFieldsModelSerializer):  # type: ignore[misc] # ships no types
    """A resource of the tenant, with ``expand``, ``fields`` and ``omit``."""

    serializer_related_field = TenantRelatedField
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.JSONField: DocumentField,
    }

    class Meta:
        model: type[models.Model]
        fields: tuple[str, ...]
        expandable_fields: dict[str, Any] = {}
        list_serializer_class = BulkListSerializer

    #: The relations whose rows the fields read.
    reads: tuple[str, ...] = ()

    #: Whether created objects have all that a response shows.
    shows_created: bool = False

    _write_row: Callable[[Any], dict[str, Any]] | None = None

    def get_fields(self) -> dict[str, Any]:
        # Declarations don't change while the server runs, so DRF inspects the model once, not for
        # each request.
        fields = _fields_by_class.get(type(self))
        if fields is None:
            fields = serializers.ModelSerializer.get_fields(self)
            for validator in (each for field in fields.values() for each in field.validators):
                # DRF formats these texts at first use; threads that share them must not.
                str(getattr(validator, "message", ""))
            _fields_by_class[type(self)] = fields
        copies = {name: copy_field(field) for name, field in fields.items()}
        self.apply_flex_fields(copies, self._flex_options_base)
        return copies

    @classmethod
    def annotate(cls, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Add the fields that the database computes for each row."""
        return queryset

    @property
    def owner(self) -> Tenant:
        """The tenant that the request is about."""
        return tenant_of(self.context["request"])

    @property
    def data(self) -> Any:
        shown = super().data
        RelatedValues.of(self.context).fill(self.context["request"])
        return shown

    def to_representation(self, instance: Any) -> Any:
        if self._write_row is None:
            # As the library does before the first row: `fields`, `omit` and `expand` of the query.
            self.apply_flex_fields(self.fields, self._flex_options_rep_only)
            self._write_row = compile_rows(self)
        return self._write_row(instance)

    def create(self, validated_data: dict[str, Any]) -> Any:
        return super().create({**validated_data, "tenant": self.owner})

    def prepare_bulk(self, items: list[dict[str, Any]]) -> None:
        """Fetch the related rows for validating a list body, in few queries."""

    def bulk_create(self, items: list[dict[str, Any]]) -> list[Any]:
        """Insert validated items, with their many-to-many relations, in few statements."""
        model = self.Meta.model
        many = [field for field in model._meta.many_to_many if field.name in self.fields]
        links = [{field: item.pop(field.name, ()) for field in many} for item in items]
        tenant = self.owner
        rows = insert_rows(model, [{**item, "tenant": tenant} for item in items])
        for field in many:
            if not any(others[field] for others in links):
                continue
            through: Any = field.remote_field.through
            near, far = field.m2m_field_name(), field.m2m_reverse_field_name()
            through._default_manager.bulk_create(
                through(**{f"{near}_id": row.pk, f"{far}_id": other.pk})
                for row, others in zip(rows, links, strict=True)
                for other in dict.fromkeys(others[field])
            )
        return rows


class ResourceViewSet(GenericViewSet[Any]):
    """The rows of one model that the tenant has."""

    lookup_value_regex = "[0-9]+"
    serializer_class: type[Any]

    #: Filters of the list beyond those that the model's fields make.
    more_filters: Mapping[str, Any] = {}
    #: The model's fields of names in rows and queries that stand for another field.
    columns: Mapping[str, str] = {}

    @property
    def model(self) -> type[models.Model]:
        """The model that this is about."""
        serializer: Any = self.get_serializer_class()
        model: type[models.Model] = serializer.Meta.model
        return model

    @property
    def search_fields(self) -> tuple[str, ...]:
        """Fields that ``search=`` covers."""
        return find_searchable_fields(self.model)

    def get_queryset(self) -> QuerySet[Any]:
        return self.prefetch(visible(self.model, self.request))

    def prefetch(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Make a queryset fetch all that answering this request reads."""
        return prefetch_expansions(
            queryset, self.get_serializer_class(), read_expand_paths(self.request)
        )

    @property
    def lookup(self) -> dict[str, Any]:
        """Field by which the path names an object."""
        return {"pk": self.kwargs["pk"]}

    def get_object(self) -> Any:
        return get_object_or_404(self.get_queryset(), **self.lookup)

    def locked_object(self) -> Any:
        """Return the path's object for a change; the transaction excludes others."""
        rows = visible(self.model, self.request).select_for_update()
        return get_object_or_404(rows, **self.lookup)

    def answer(self, pk: Any, code: int = status.HTTP_200_OK) -> Response:
        """Answer with one object, current and in the requested shape."""
        return Response(self.get_serializer(self.get_queryset().get(pk=pk)).data, status=code)

    def answer_many(self, keys: Sequence[Any]) -> Response:
        """Answer with newly created objects, in the order of the keys."""
        rows: list[Any] = []
        for batch in split_batches(keys):
            by_key = self.get_queryset().in_bulk(batch)
            rows.extend(by_key[key] for key in batch)
        data = self.get_serializer(rows, many=True).data
        return Response(data, status=status.HTTP_201_CREATED)


class CreateMixin(ResourceViewSet):
    """``POST`` of one object."""

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer.save().pk, status.HTTP_201_CREATED)


class BulkCreateMixin(ResourceViewSet):
    """``POST`` of an object, or of a list as a whole."""

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.create_all(request)

    def create_all(self, request: Request) -> Response:
        """Validate, create and answer."""
        if isinstance(request.data, list):
            return self.create_many(request.data)
        serializer = self._create([request.data], lambda errors: errors[0])
        if self._shows_created(serializer):
            return Response(serializer.data[0], status=status.HTTP_201_CREATED)
        return self.answer(serializer.instance[0].pk, status.HTTP_201_CREATED)

    def create_many(self, items: list[Any]) -> Response:
        """Validate, create and answer a list."""
        serializer = self._create(items, lambda errors: errors)
        if self._shows_created(serializer):
            return Response(serializer.data, status=status.HTTP_201_CREATED)
        return self.answer_many([row.pk for row in serializer.instance])

    def _create(self, items: list[Any], errors_of: Callable[[Any], Any]) -> Any:
        """Return the list serializer with the created objects."""
        serializer = self.get_serializer(data=items, many=True)
        if not serializer.is_valid():
            raise serializers.ValidationError(errors_of(serializer.errors))
        serializer.save()
        return serializer

    def _shows_created(self, serializer: Any) -> bool:
        """Return whether the created objects are the response."""
        return serializer.child.shows_created and not read_expand_paths(self.request)


class UpdateMixin(ResourceViewSet):
    """``PATCH`` of the fields that are sent."""

    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.change(request, partial=True)

    def change(self, request: Request, *, partial: bool) -> Response:
        """Validate, save and answer."""
        instance = self.locked_object()
        serializer = self.get_serializer(instance, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return self.answer(serializer.save().pk)


class DestroyMixin(ResourceViewSet):
    """``DELETE``, with all that depends on the object."""

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.locked_object().delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
