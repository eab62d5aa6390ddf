"""Plugins, and running them."""

# ruff: noqa: ARG002 (the signatures are the framework's)

import re
import uuid
from collections.abc import Iterator
from itertools import count
from typing import Any

from django import forms
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.text import slugify
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import CreateMixin, ResourceSerializer, UpdateMixin
from synapse.emulator.api.fields import DocumentField, ObjectField, TenantRelatedField
from synapse.emulator.api.job_actions import find_release, read_actions, validate_action
from synapse.emulator.dispatch import agents, engine, hand_over
from synapse.emulator.errors_json import ApiConflict
from synapse.emulator.filters import RelationFilter
from synapse.emulator.models import Job, Plugin, PluginRelease, Tenant, User
from synapse.emulator.tenancy import access_of, lock_tenant, visible

_ID = re.compile(r"[0-9]+", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def is_plugin_code(text: str) -> bool:
    """Return whether a text is a code, and can't be taken for an id."""
    return bool(_CODE.fullmatch(text)) and not _ID.fullmatch(text)


class PluginField(TenantRelatedField):
    """A plugin by id or code."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or _ID.fullmatch(data):
            return super().to_internal_value(data)
        rows = visible(Plugin, self.context["request"])
        plugin = rows.filter(code=data).first() if _CODE.fullmatch(data) else None
        if plugin is None:
            self.fail("does_not_exist", pk_value=data)
        return plugin


class PluginFilter(RelationFilter):
    """Rows of plugins by id or code."""

    def __init__(self, **kwargs: Any) -> None:
        relation = PluginRelease._meta.get_field("plugin")
        super().__init__(relation=relation, field_name="plugin", label="plugin", **kwargs)
        self.extra["item_field"] = PluginFormField()

    def filter(self, queryset: QuerySet[Any], value: list[Any] | None) -> QuerySet[Any]:
        if value is None:
            return queryset
        codes = [key for key in value if isinstance(key, str)]
        rows = visible(Plugin, self.parent.request).filter(code__in=codes)
        ids = dict(rows.values_list("code", "pk"))
        for code in codes:
            if code not in ids:
                raise serializers.ValidationError(
                    {
                        self.label: [
                            f"Select a valid choice. {code} is not one of the available choices."
                        ]
                    }
                )
        return super().filter(queryset, [ids.get(key, key) for key in value])


class PluginFormField(forms.CharField):
    """A plugin to filter by: an id as a number, or a code."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return int(text) if _ID.fullmatch(text) else text


class PluginSerializer(ResourceSerializer):
    """A plugin; the code defaults to a slug of the name."""

    class Meta(ResourceSerializer.Meta):
        model = Plugin
        fields = (
            "id",
            "code",
            "name",
            "description",
            "version",
            "author",
            "category",
            "configuration",
            "is_active",
            "created",
            "updated",
        )
        extra_kwargs = {"code": {"required": False}}

    def validate_code(self, code: str) -> str:
        """Refuse codes that look like an id in a path, and codes in use."""
        if not is_plugin_code(code):
            raise serializers.ValidationError(
                "Enter letters, digits, hyphens and underscores, and not only digits."
            )
        lock_tenant(self.owner)
        others = Plugin.objects.filter(tenant=self.owner, code=code)
        if others.exclude(pk=self.instance and self.instance.pk).exists():
            raise serializers.ValidationError("A plugin with this code already exists.")
        return code

    def create(self, validated_data: dict[str, Any]) -> Plugin:
        if "code" not in validated_data:
            lock_tenant(self.owner)
            validated_data["code"] = self._find_free_code(validated_data["name"])
        plugin: Plugin = super().create(validated_data)
        return plugin

    def _find_free_code(self, name: str) -> str:
        codes = _suggest_codes(name)
        first = next(codes)
        rows = Plugin.objects.filter(tenant=self.owner, code__startswith=first)
        used = set(rows.values_list("code", flat=True))
        return first if first not in used else next(code for code in codes if code not in used)


def _suggest_codes(name: str) -> Iterator[str]:
    code = slugify(name)[:80] or "plugin"
    code = f"plugin-{code}" if _ID.fullmatch(code) else code
    yield code
    yield from (f"{code}-{number}" for number in count(2))


class RunSerializer(serializers.Serializer[Any]):
    """The body of ``run/``; unknown keys are stored with the job."""

    action = serializers.CharField(required=False, allow_null=True, max_length=255)
    params = ObjectField(required=False, allow_null=True)
    parameters = ObjectField(required=False, allow_null=True)
    agent = TenantRelatedField(queryset=User.objects.all(), required=False, allow_null=True)
    debug = serializers.BooleanField(required=False, allow_null=True)
    job_id = serializers.UUIDField(required=False, allow_null=True)
    version = serializers.CharField(required=False, allow_null=True, max_length=64)

    def validate_agent(self, agent: User | None) -> User | None:
        """Refuse people."""
        if agent is not None and not agent.is_agent:
            raise serializers.ValidationError(f'Invalid pk "{agent.pk}" - object does not exist.')
        return agent

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values: dict[str, Any] = super().to_internal_value(data)
        unknown = {key: value for key, value in data.items() if key not in self.fields}
        try:
            values["options"] = DocumentField().run_validation(unknown)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"non_field_errors": error.detail}) from error
        return values


class PluginViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CreateMixin, UpdateMixin):
    """``plugins/``; a path names a plugin by id or code."""

    serializer_class = PluginSerializer
    lookup_value_regex = "[A-Za-z0-9_-]+"

    @property
    def lookup(self) -> dict[str, Any]:
        key = self.kwargs["pk"]
        return {"pk" if _ID.fullmatch(key) else "code": key}

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.change(request, partial=True)  # the platform keeps the fields that are missing

    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Create a job, and run the job if the code can be run.

        Two requests with the same ``job_id`` create one job.
        """
        serializer = RunSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        plugin = self.get_object()
        job = self._find_started(plugin, serializer.validated_data)
        if job is not None:
            return _job_response(job, status.HTTP_200_OK)
        # Before the transaction, because the check of parameters may take seconds.
        new_job = _build_job(plugin, serializer.validated_data)
        with transaction.atomic():
            job = self._find_started(self.locked_object(), serializer.validated_data)
            if job is not None:
                return _job_response(job, status.HTTP_200_OK)
            _insert_job(new_job)
            if new_job.runner != Job.Runner.ELSEWHERE:
                hand_over(new_job, access_of(request).token.user)
        return _job_response(new_job, status.HTTP_201_CREATED)

    def _find_started(self, plugin: Plugin, values: dict[str, Any]) -> Job | None:
        """Return the job of an earlier request with the same id.

        Raises:
            ApiConflict: A job of another plugin has the id, or the plugin is not active.
        """
        key = values.get("job_id")
        job = find_job(plugin.tenant, key) if key is not None else None
        if job is not None and job.plugin_id != plugin.pk:
            raise ApiConflict("Another job has this job_id.")
        if job is None and not plugin.is_active:
            raise ApiConflict("The plugin is not active.")
        return job


def find_job(tenant: Tenant, key: uuid.UUID) -> Job | None:
    """Return the tenant's job of an id."""
    jobs = Job.objects.filter(tenant=tenant)
    return jobs.filter(requested_id=key).first() or jobs.filter(pk=key).first()


def _insert_job(job: Job) -> None:
    """Store a new job; an id that another tenant's job has stays this one's public id."""
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        job.requested_id, job.pk = job.pk, uuid.uuid4()
        job.save(force_insert=True)


def _build_job(plugin: Plugin, values: dict[str, Any]) -> Job:
    key = values.get("job_id")
    params = values.get("params")
    params = (values.get("parameters") or {}) if params is None else params
    agent, action = values.get("agent"), values.get("action")
    release = find_release(plugin, values.get("version"))
    runner = Job.Runner.ELSEWHERE
    if actions := read_actions(release):
        action = validate_action(actions, action, params)
        runner = _choose_runner(agent)
    return Job(
        **({} if key is None else {"pk": key}),
        tenant_id=plugin.tenant_id,
        plugin=plugin,
        plugin_release=release,
        agent=agent,
        action=action,
        runner=runner,
        params=params,
        options=values["options"],
        debug=bool(values.get("debug")),
    )


def _choose_runner(agent: User | None) -> Job.Runner:
    if agent is None:
        return Job.Runner.ELSEWHERE if engine() is None else Job.Runner.ENGINE
    if not agents().has(agent):
        raise ApiConflict("The agent is not connected. Start the agent, or wait until it connects.")
    return Job.Runner.AGENT


def _job_response(job: Job, code: int) -> Response:
    key = job.public_id
    return Response({"job_id": key, "id": key, "status": Job.Status(job.status).wire}, status=code)
