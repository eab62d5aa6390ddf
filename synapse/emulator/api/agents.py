"""Agents and their heartbeats."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from synapse.emulator.dispatch import note_agent
from synapse.emulator.models import Token, User
from synapse.emulator.tenancy import access_of, tenant_of


class ConnectSerializer(serializers.Serializer[Any]):
    """An agent's facts about itself."""

    name = serializers.CharField(required=False, max_length=255)
    url = serializers.CharField(required=False, max_length=1024, allow_null=True, allow_blank=True)


class ConnectView(APIView):
    """``agents/{agent token}/connect/``: the heartbeat of an agent."""

    def post(self, request: Request, token: str) -> Response:
        agent = self._find_agent(request, token)
        serializer = ConnectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        agent.name = serializer.validated_data.get("name", agent.name)
        agent.url = serializer.validated_data.get("url", agent.url) or ""
        agent.connected = timezone.now()
        agent.save(update_fields=["name", "url", "connected"])
        if "url" in serializer.validated_data:  # otherwise the agent doesn't listen yet
            note_agent(agent, token)
        return Response(
            {
                "id": agent.pk,
                "name": agent.name,
                "url": agent.url or None,
                "status": "connected",
                "is_active": agent.is_active,
                "connected": agent.connected,
                "created": agent.created,
            }
        )

    def _find_agent(self, request: Request, token: str) -> User:
        """Return the tenant's agent of a token; an agent sees itself only."""
        row = (
            Token.objects.filter(
                digest=Token.hash(token),
                kind=Token.Kind.AGENT,
                user__memberships__tenant=tenant_of(request),
            )
            .select_related("user")
            .first()
        )
        asker = access_of(request).token
        if row is None or (asker.user.is_agent and asker.user_id != row.user_id):
            raise NotFound("No agent has this token.")
        return row.user
