"""Pages of a list. The settings name this module, so it may import no view."""

from rest_framework.pagination import PageNumberPagination


class Pagination(PageNumberPagination):
    """``page`` and ``page_size``: by default 100 rows, at most 1000."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
