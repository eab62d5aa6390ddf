"""The token's user, and the service's health."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from synapse._version import __version__
from synapse.emulator.api.base import ResourceSerializer
from synapse.emulator.models import User
from synapse.emulator.tenancy import tenant_of

# ruff: noqa: ARG002 (the signatures are the framework's)


class UserSerializer(ResourceSerializer):
    """A user, as shown to others in the tenant."""

    class Meta(ResourceSerializer.Meta):
        model = User
        fields: tuple[str, ...] = ("id", "username", "name", "email", "is_agent", "created")


class OwnUserSerializer(UserSerializer):
    """The requesting user, with the tenants of the token."""

    tenants: Any = serializers.SlugRelatedField(slug_field="code", many=True, read_only=True)
    tenant = serializers.SerializerMethodField()

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "tenant", "tenants")

    def get_tenant(self, user: User) -> str:
        return tenant_of(self.context["request"]).code


class MeView(APIView):
    """``users/me/``."""

    def get(self, request: Request) -> Response:
        return Response(OwnUserSerializer(request.user, context={"request": request}).data)


class HealthView(APIView):
    """``health/``; asks for no credentials, and is not confused by bad ones."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        return Response({"status": "ok", "version": __version__})
