"""The names for libraries on top of the SDK: declarations, managers, and events of hooks."""

from __future__ import annotations

from synapse.orm.base_manager import BaseManager
from synapse.orm.convert import Choices, ValueObject
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.manager import BulkCreates, Creates, Deletes, Manager, Updates
from synapse.orm.other_endpoints import ListedRows
from synapse.orm.query import Query
from synapse.orm.relations import ForeignKeyId, ManagerDescriptor, ToMany, to_list, to_one
from synapse.orm.resource import Deletable, Editable, Fetchable, Resource
from synapse.transport.options import Event, Hook
from synapse.transport.retry import OnRetry, Retry

__all__ = [
    "BaseManager",
    "BulkCreates",
    "Choices",
    "Creates",
    "Deletable",
    "Deletes",
    "Editable",
    "Event",
    "Fetchable",
    "ForeignKeyId",
    "Hook",
    "ListedRows",
    "Manager",
    "ManagerDescriptor",
    "OnRetry",
    "Query",
    "Resource",
    "Retry",
    "ToMany",
    "Updates",
    "ValueObject",
    "field",
    "resource",
    "to_list",
    "to_one",
]
