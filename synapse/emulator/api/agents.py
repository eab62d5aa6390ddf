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
        agent = self._agent(request, token)
        said = ConnectSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        agent.name = said.validated_data.get("name", agent.name)
        agent.url = said.validated_data.get("url", agent.url) or ""
        agent.connected = timezone.now()
        agent.save(update_fields=["name", "url", "connected"])
        if "url" in said.validated_data:  # else it doesn't listen there yet
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

    def _agent(self, request: Request, token: str) -> User:
        """Return the tenant's agent of a token; an agent sees itself only."""
        found = (
            Token.objects.filter(
                digest=Token.hash(token),
                kind=Token.Kind.AGENT,
                user__memberships__tenant=tenant_of(request),
            )
            .select_related("user")
            .first()
        )
        asker = access_of(request).token
        if found is None or (asker.user.is_agent and asker.user_id != found.user_id):
            raise NotFound("No agent has this token.")
        return found.user
