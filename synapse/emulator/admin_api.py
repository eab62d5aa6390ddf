"""Admin endpoints, for the process that started the server."""

# ruff: noqa: ARG002 (the signatures are the framework's)

import hmac
import secrets
from typing import Any

from django.apps import apps
from django.db import transaction
from django.http import Http404
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from synapse.emulator.api.fields import DocumentField, ObjectField, PositionalListSerializer
from synapse.emulator.behaviour_answers import behaviours
from synapse.emulator.fault_switch import ArmedFault, FaultSwitch
from synapse.emulator.faults import KINDS
from synapse.emulator.ground_truths import find_unknown_ids, store_ground_truths
from synapse.emulator.models import Membership, Split, Tenant, Token
from synapse.emulator.models.accounts import create_account


class HoldsControlToken(BasePermission):
    """Requires the control token of this process; answers 404 without."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not is_control_token(request.headers.get("Authorization", "")):
            raise Http404
        return True


def is_control_token(header: str) -> bool:
    """Return whether an `Authorization` header has the control token of this process."""
    expected = apps.get_app_config("emulator").control_token  # type: ignore[attr-defined] # ours
    return expected is not None and hmac.compare_digest(
        header.encode(), f"Token {expected}".encode()
    )


class AdminView(APIView):
    """A view for the holder of the control token, who needs no account."""

    authentication_classes = ()
    permission_classes = (HoldsControlToken,)


class NewTenantSerializer(serializers.Serializer[Any]):
    """The body of a ``POST`` to ``_emulator/tenants/``."""

    name = serializers.CharField(required=False, max_length=255)
    member = serializers.CharField(required=False)


class TenantsView(AdminView):
    """``_emulator/tenants/``: create a tenant with a user and an agent."""

    @transaction.atomic
    def post(self, request: Request) -> Response:
        serializer = NewTenantSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        code = f"tenant-{secrets.token_hex(6)}"
        name = serializer.validated_data.get("name", code)
        tenant = Tenant.objects.create(code=code, name=name)
        answer = {
            "tenant": code,
            "api_token": create_account(tenant),
            "agent_token": create_account(tenant, kind=Token.Kind.AGENT),
        }
        if "member" in serializer.validated_data:
            digest = Token.hash(serializer.validated_data["member"])
            token = Token.objects.filter(digest=digest).first()
            if token is None:
                raise serializers.ValidationError({"member": ["Invalid token."]})
            Membership.objects.create(user=token.user, tenant=tenant)
        return Response(answer, status=status.HTTP_201_CREATED)


class GroundTruthItemSerializer(serializers.Serializer[Any]):
    """The ground truth of one data unit."""

    data_unit = serializers.IntegerField()
    data: Any = DocumentField(allow_null=True)
    category = serializers.ChoiceField(choices=Split.choices)
    project = serializers.IntegerField(required=False, allow_null=True)
    meta = ObjectField(required=False)

    class Meta:
        list_serializer_class = PositionalListSerializer


class NewGroundTruthsSerializer(serializers.Serializer[Any]):
    """The body of a ``POST`` to ``_emulator/ground_truths/``."""

    tenant = serializers.CharField()
    items = GroundTruthItemSerializer(many=True)
    version = serializers.CharField(default="1", max_length=64)
    dataset = serializers.CharField(default="default", max_length=255)

    def validate_tenant(self, value: str) -> Tenant:
        """Find the tenant by code, or by a token of a member."""
        token = Token.objects.filter(digest=Token.hash(value)).select_related("user__tenant")
        tenant = Tenant.objects.filter(code=value).first() or next(
            (row.user.tenant for row in token), None
        )
        if tenant is None:
            raise serializers.ValidationError("No tenant has this code or token.")
        return tenant

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        problems = find_unknown_ids(attrs["tenant"], attrs["items"])
        if problems:
            raise serializers.ValidationError({"items": problems})
        return attrs


class GroundTruthsView(AdminView):
    """``_emulator/ground_truths/``: put ground truth into a version of a dataset."""

    def post(self, request: Request) -> Response:
        serializer = NewGroundTruthsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = store_ground_truths(**serializer.validated_data)
        return Response(
            {"version": version.pk, "dataset": version.ground_truth_dataset_id},
            status=status.HTTP_201_CREATED,
        )


class NewFaultSerializer(serializers.Serializer[Any]):
    """The body of a ``POST`` to ``_emulator/faults/``."""

    kind = serializers.ChoiceField(choices=list(KINDS))
    count = serializers.IntegerField(default=1, min_value=1)
    after = serializers.IntegerField(default=0, min_value=0)
    method = serializers.CharField(required=False)
    path = serializers.CharField(required=False)
    tenant = serializers.CharField(required=False)
    seconds = serializers.FloatField(required=False, min_value=0)
    retry_after = serializers.CharField(required=False)
    status = serializers.IntegerField(required=False, min_value=200, max_value=599)


class NewBehaviourSerializer(serializers.Serializer[Any]):
    """The body of a ``POST`` to ``_emulator/behaviours/``."""

    tenant = serializers.CharField(required=False)
    unordered_ties = serializers.BooleanField(required=False)
    checksums = serializers.ChoiceField(choices=("md5", "sha1"), required=False)
    max_query = serializers.IntegerField(required=False, min_value=0, allow_null=True)
    max_page = serializers.IntegerField(required=False, min_value=1, allow_null=True)
    row_delay = serializers.FloatField(required=False, min_value=0, max_value=60)
    file_url_lifetime = serializers.IntegerField(required=False, min_value=0, max_value=10**9)
    multipart_above = serializers.IntegerField(required=False, min_value=0)
    part_size = serializers.IntegerField(required=False, min_value=1)
    upload_lifetime = serializers.IntegerField(required=False, min_value=0, allow_null=True)
    storage_port = serializers.IntegerField(
        required=False, min_value=1, max_value=65535, allow_null=True
    )
    inline_limit = serializers.IntegerField(required=False, min_value=0)


class BehavioursView(AdminView):
    """``_emulator/behaviours/``: change behaviours, or return to the usual ones."""

    def post(self, request: Request) -> Response:
        serializer = NewBehaviourSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        behaviours().set(values.pop("tenant", None), values)
        return Response({}, status=status.HTTP_201_CREATED)

    def delete(self, request: Request) -> Response:
        behaviours().clear(request.query_params.get("tenant"))
        return Response(status=status.HTTP_204_NO_CONTENT)


class FaultsView(AdminView):
    """``_emulator/faults/``: arm or clear faults."""

    def post(self, request: Request) -> Response:
        serializer = NewFaultSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = _switch().arm(ArmedFault(**serializer.validated_data))
        return Response({"id": key}, status=status.HTTP_201_CREATED)

    def delete(self, request: Request) -> Response:
        _switch().clear(tenant=request.query_params.get("tenant"))
        return Response(status=status.HTTP_204_NO_CONTENT)


class FaultView(AdminView):
    """``_emulator/faults/{key}/``: read or remove an armed fault."""

    def get(self, request: Request, key: str) -> Response:
        return Response({"served": _find_fault(key).served})

    def delete(self, request: Request, key: str) -> Response:
        _find_fault(key)
        _switch().clear(key=key)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _switch() -> FaultSwitch:
    switch: FaultSwitch = apps.get_app_config("emulator").faults  # type: ignore[attr-defined] # ours
    return switch


def _find_fault(key: str) -> ArmedFault:
    fault = _switch().find(key)
    if fault is None:
        raise Http404
    return fault
