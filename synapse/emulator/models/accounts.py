"""Tenants, the users in them and the tokens that they show."""

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.db import models

from synapse.emulator.models.loading import LoadedModel
from synapse.emulator.models.relations import ForeignKey

if TYPE_CHECKING:
    from synapse.emulator.models.jobs import Job


class Tenant(LoadedModel):
    """An organisation, the owner of all other rows."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    #: Where the units of files are that were uploaded on their own; made with the first of them.
    uploads = ForeignKey(
        "emulator.DataCollection",
        models.SET_NULL,
        null=True,
        related_name="uploads_of",
        editable=False,
    )
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.code


class User(LoadedModel):
    """A person, or an agent acting as one."""

    username = models.CharField(max_length=150, unique=True)
    name = models.CharField(max_length=255, blank=True)
    email = models.EmailField(blank=True)
    is_agent = models.BooleanField(default=False)
    #: For agents: address, permission to be used, and time of the last heartbeat.
    url = models.CharField(max_length=1024, blank=True)
    is_active = models.BooleanField(default=True)
    connected = models.DateTimeField(null=True)
    tenant = ForeignKey(Tenant, models.CASCADE, related_name="+")
    tenants = models.ManyToManyField(Tenant, through="Membership", related_name="users")
    created = models.DateTimeField(auto_now_add=True)

    # DRF reads these two attributes of a request's user.
    is_authenticated = True
    is_anonymous = False

    def __str__(self) -> str:
        return self.username


class Membership(LoadedModel):
    """That a user may work in a tenant."""

    user = ForeignKey(User, models.CASCADE, related_name="memberships")
    tenant = ForeignKey(Tenant, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="one_membership_per_tenant")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}"


class Token(LoadedModel):
    """A credential, stored as a hash."""

    class Kind(models.TextChoices):
        """Kind of the token's owner, which decides about the header."""

        USER = "user"
        AGENT = "agent"

    digest = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    user = ForeignKey(User, models.CASCADE, related_name="tokens")
    #: The token's job: the token works in the job's tenant, until the job ends.
    job = ForeignKey(
        "emulator.Job",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="job_tokens",
        editable=False,
    )
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.kind} token of {self.user}"

    @classmethod
    def for_job(cls, job: "Job", user: User) -> str:
        """Create a token for a job's code, and return the token in clear."""
        value = secrets.token_hex(20)
        cls.objects.create(digest=cls.hash(value), kind=cls.Kind.USER, user=user, job=job)
        return value

    @staticmethod
    def hash(value: str) -> str:
        """Return the stored form of a token."""
        return hashlib.sha256(value.encode()).hexdigest()


def create_account(
    tenant: Tenant, *, kind: Token.Kind = Token.Kind.USER, token: str | None = None
) -> str:
    """Ensure that a tenant has a user (or an agent) with a token.

    Args:
        tenant: The user's home tenant.
        kind: A person's account or an agent's.
        token: The token to accept; a new random one if None.

    Returns:
        The token in clear, which can't be read back later.
    """
    value = token or secrets.token_hex(20)
    user, _ = User.objects.get_or_create(
        username=f"{'admin' if kind == Token.Kind.USER else 'agent'}@{tenant.code}",
        defaults={
            "name": "Administrator" if kind == Token.Kind.USER else "Agent",
            "is_agent": kind == Token.Kind.AGENT,
            "tenant": tenant,
        },
    )
    Membership.objects.get_or_create(user=user, tenant=tenant)
    Token.objects.get_or_create(digest=Token.hash(value), defaults={"kind": kind, "user": user})
    return value
