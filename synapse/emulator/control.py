"""The door for whoever started this process: fresh tenants, to keep tests apart."""

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

from synapse.emulator.models import Membership, Tenant, Token
from synapse.emulator.models.accounts import create_account


class HoldsControlToken(BasePermission):
    """Lets in who shows the token that this process was started with; hides from all others."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        expected = apps.get_app_config("emulator").control_token  # type: ignore[attr-defined] # ours
        given = request.headers.get("Authorization", "")
        if expected is None or not hmac.compare_digest(
            given.encode(), f"Token {expected}".encode()
        ):
            raise Http404
        return True


class NewTenantSerializer(serializers.Serializer[Any]):
    """The body of a ``POST`` to ``_emulator/tenants/``."""

    name = serializers.CharField(required=False, max_length=255)
    member = serializers.CharField(required=False)


class TenantsView(APIView):
    """``_emulator/tenants/``: make a tenant with a user and an agent of its own."""

    authentication_classes = ()
    permission_classes = (HoldsControlToken,)

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
