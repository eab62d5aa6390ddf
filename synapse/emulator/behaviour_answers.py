"""Responses of older and different servers, as far as the URL alone decides."""

import re
from collections.abc import Callable

from django.apps import apps
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from synapse.emulator.behaviours import Behaviour, BehaviourStore
from synapse.emulator.fault_answers import find_tenant_code, pause
from synapse.emulator.pagination import Pagination
from synapse.emulator.tenancy import tenant_of

View = Callable[[HttpRequest], HttpResponseBase]

# The views refuse longer numbers.
_NUMBER = re.compile("[0-9]{1,18}")


def behaviour_of(request: Request) -> Behaviour:
    """Return the behaviour towards the tenant of an authenticated request."""
    return behaviours().find(lambda: tenant_of(request).code)


def behaviours() -> BehaviourStore:
    """Return the behaviours of this process."""
    store: BehaviourStore = apps.get_app_config("emulator").behaviours  # type: ignore[attr-defined] # ours
    return store


class BehaviourMiddleware:
    """Refuse long queries and late pages, and slow deep pages down."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        behaviour = behaviours().find(lambda: find_tenant_code(request))
        query = request.META.get("QUERY_STRING", "")
        if behaviour.max_query is not None and len(query) > behaviour.max_query:
            return HttpResponse(status=520)
        page = _read_number(request, "page", 1)
        if behaviour.max_page is not None and page > behaviour.max_page:
            return JsonResponse({"detail": "The page did not come in time."}, status=504)
        if behaviour.row_delay:
            size = _read_number(request, "page_size", Pagination.page_size or 1)
            pause(request, behaviour.delay(page, size))
        return self.get_response(request)


def _read_number(request: HttpRequest, name: str, otherwise: int) -> int:
    text = request.GET.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else otherwise
