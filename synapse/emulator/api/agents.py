"""Agents and their heartbeats."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import mixins, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from synapse.emulator.api.base import ResourceSerializer, ResourceViewSet
from synapse.emulator.dispatch import agents, note_agent
from synapse.emulator.models import Token, User
from synapse.emulator.tenancy import access_of, tenant_of


class ConnectSerializer(serializers.Serializer[Any]):
    """An agent's facts about itself."""

    name = serializers.CharField(required=False, max_length=255)
    url = serializers.CharField(required=False, max_length=1024, allow_null=True, allow_blank=True)


class AgentSerializer(ResourceSerializer):
    """An agent, without the token: the server has only a hash."""

    status = serializers.SerializerMethodField()
    token = serializers.SerializerMethodField()
    node_install_script = serializers.SerializerMethodField()

    class Meta(ResourceSerializer.Meta):
        model = User
        fields = (
            "id",
            "name",
            "url",
            "status",
            "token",
            "node_install_script",
            "is_active",
            "connected",
            "created",
        )

    def get_status(self, agent: User) -> str:
        return "connected" if agents().has(agent) else "disconnected"

    def get_token(self, agent: User) -> None:
        return None

    def get_node_install_script(self, agent: User) -> None:
        return None


class AgentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ResourceViewSet):
    """``agents/``: the agents of the tenant."""

    serializer_class = AgentSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(is_agent=True)


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
