"""Machine learning: models and ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.resources.ground_truths import GroundTruth, GroundTruthEvent, GroundTruthVersion
from synapse.resources.models import Model
from synapse.transfer.chunked_upload import upload_in_chunks

__all__ = ["MLClientMixin"]


class MLClientMixin(BackendBase):
    """Models, and the ground truth that they are trained and judged by."""

    def list_models(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List models. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `project`, `page`, `page_size`, `ordering`.
            url_conversion: How to rewrite the URL in `file`.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(Model, params, url_conversion, list_all, files_fields=("file",))

    def get_model(
        self,
        model_id: Id,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
    ) -> dict[str, Any]:
        """Return a model. One request.

        Args:
            model_id: Its id.
            params: Query parameters.
            url_conversion: How to rewrite the URL in `file`.

        Raises:
            NotFound: There is no such model.
        """
        return self._one(
            Model, model_id, params, url_conversion=url_conversion, files_fields=("file",)
        )

    def create_model(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Register a model. One request, and those of a chunked upload for its file.

        Args:
            data: Its fields; `file` is a path whose file is uploaded first, or `chunked_upload` the
                id of an upload that is done.

        Raises:
            UsageError: The file can't be read.
            ValidationError: The server refused a field.
        """
        body = dict(data)
        if (file := body.pop("file", None)) is not None:
            body["chunked_upload"] = upload_in_chunks(self._transport, file)["id"]
        row: dict[str, Any] = self._make(Model, body)
        return row

    def list_ground_truth_events(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List ground truth events. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `ground_truth_dataset_versions` (a list) and `project`.
            url_conversion: How to rewrite the URLs in `files`.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(GroundTruthEvent, params, url_conversion, list_all)

    def list_ground_truths(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List ground truths. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `ground_truth_dataset` and `project`.
            url_conversion: How to rewrite the URLs in `files`.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(GroundTruth, params, url_conversion, list_all)

    def list_ground_truth_versions(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List versions of ground truth datasets. One request, or one for each page.

        Args:
            params: Filters such as `ground_truth_dataset` and `project`.
            url_conversion: How to rewrite file URLs.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(GroundTruthVersion, params, url_conversion, list_all)

    def get_ground_truth_version(
        self, version_id: Id, params: Params | None = None
    ) -> dict[str, Any]:
        """Return a version of a ground truth dataset. One request.

        Args:
            version_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such version.
        """
        return self._one(GroundTruthVersion, version_id, params)
