"""``set_tags/``: add or remove tags of many tasks or assignments."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import ResourceViewSet
from synapse.emulator.models import TaskTag
from synapse.emulator.tenancy import keep_storable, visible

_MOST_ROWS = 10_000
_MOST_TAGS = 100


class SetTagsSerializer(serializers.Serializer[Any]):
    """The body of ``set_tags/``; ``ids`` and ``tags`` also have older names."""

    action = serializers.ChoiceField(choices=("add", "remove"), default="add")

    def __init__(self, *, data: Any, older: dict[str, str]) -> None:
        super().__init__(data=data)
        sent = data if isinstance(data, dict) else {}
        #: The names that the body uses, for the errors.
        self.names = {
            name: alias if alias in sent and name not in sent else name
            for name, alias in older.items()
        }
        for name, longest in (("ids", _MOST_ROWS), ("tags", _MOST_TAGS)):
            self.fields[self.names[name]] = serializers.ListField(
                child=serializers.IntegerField(), max_length=longest
            )

    def keys(self, name: str) -> list[int]:
        """Return the ids sent as ``ids`` or ``tags``, each once."""
        return list(dict.fromkeys(self.validated_data[self.names[name]]))


class SetTagsMixin(ResourceViewSet):
    """``POST set_tags/``: everything is done, or nothing."""

    #: The older name of ``ids``.
    tagged_as: str

    @action(detail=False, methods=["post"])
    @transaction.atomic
    def set_tags(self, request: Request) -> Response:
        """Add or remove tags, which must belong to the project or to none."""
        serializer = SetTagsSerializer(
            data=request.data, older={"ids": self.tagged_as, "tags": "tag_ids"}
        )
        serializer.is_valid(raise_exception=True)
        ids, tags = serializer.keys("ids"), serializer.keys("tags")
        adds = serializer.validated_data["action"] == "add"
        projects = self._projects(self.model, request, ids)
        of_tags = self._projects(TaskTag, request, tags)
        errors = {
            serializer.names["ids"]: _unknown_ids(ids, projects),
            serializer.names["tags"]: _unknown_ids(tags, of_tags),
        }
        if adds and not any(errors.values()):
            homes = set(projects.values())
            errors[serializer.names["tags"]] = [
                f'The tag "{tag}" belongs to another project.'
                for tag, project in of_tags.items()
                if project is not None and homes - {project}
            ]
        if any(errors.values()):
            raise serializers.ValidationError({name: why for name, why in errors.items() if why})
        self._link(ids, tags) if adds else self._unlink(ids, tags)
        return Response(
            {
                "count": len(ids),
                "ids": ids,
                "tags": tags,
                "action": serializer.validated_data["action"],
            }
        )

    def _projects(self, model: type[Any], request: Request, keys: list[int]) -> dict[int, Any]:
        """Return the projects of the tenant's rows, by the rows' ids; one query."""
        rows = visible(model, request).filter(pk__in=keep_storable(keys))
        return dict(rows.values_list("pk", "project_id"))

    def _link(self, ids: list[int], tags: list[int]) -> None:
        near, far = self._columns
        self._through.objects.bulk_create(
            (self._through(**{near: key, far: tag}) for key in ids for tag in tags),
            ignore_conflicts=True,
        )

    def _unlink(self, ids: list[int], tags: list[int]) -> None:
        near, far = self._columns
        self._through.objects.filter(Q((f"{near}__in", ids)), Q((f"{far}__in", tags))).delete()

    @property
    def _relation(self) -> Any:
        return self.model._meta.get_field("tags")

    @property
    def _through(self) -> Any:
        return self._relation.remote_field.through

    @property
    def _columns(self) -> tuple[str, str]:
        return (
            f"{self._relation.m2m_field_name()}_id",
            f"{self._relation.m2m_reverse_field_name()}_id",
        )


def _unknown_ids(keys: list[int], rows: dict[int, Any]) -> list[str]:
    return [f'Invalid pk "{key}" - object does not exist.' for key in keys if key not in rows]
