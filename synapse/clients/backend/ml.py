"""Machine learning endpoints: models and ground truth."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from typing_extensions import Unpack

from synapse.clients.all_rows import AllRows
from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.keyword_aliases import choose_one
from synapse.clients.list_method import typed_list, typed_part_list
from synapse.clients.list_options import ListKeywords
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.resources.ground_truths import GroundTruth, GroundTruthEvent, GroundTruthVersion
from synapse.resources.models import Model
from synapse.transfer.chunked_upload import upload_in_chunks
from synapse.transfer.file_cache import FileCache

__all__ = ["MLClientMixin"]


class MLClientMixin(BackendBase):
    """Models, and the ground truth for training and evaluating them."""

    @typed_list
    def list_models(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List models. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `project`, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting the URL in `file`.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(
            Model, params, url_conversion, list_all, files_fields=("file",), **options
        )

    def get_model(
        self,
        model_id: Id,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
    ) -> dict[str, Any]:
        """Return a model with its file. One request, and one for the file.

        The file is downloaded into this user's cache, and `file` is the local path.

        Args:
            model_id: Id of the model.
            params: Query parameters.
            url_conversion: Rule for rewriting the URL in `file` instead; `{}` changes nothing.

        Raises:
            NotFound: No model has this id.
        """
        row = self._get_row(
            Model, model_id, params, url_conversion=url_conversion, files_fields=("file",)
        )
        return FileCache(self._transport).localize(row, ["file"]) if url_conversion is None else row

    def create_model(
        self, data: Mapping[str, Any], file: str | os.PathLike[str] | None = None
    ) -> dict[str, Any]:
        """Register a model. One request, and those of a chunked upload for the file.

        Args:
            data: Fields of the model. `chunked_upload` is the id of a finished upload.
            file: Path of a file to upload first; also as `file` in `data`.

        Raises:
            UsageError: The file can't be read, or the two places for the file differ.
            ValidationError: The server refused a field.
        """
        body = dict(data)
        path = choose_one("file", file, "data['file']", body.pop("file", None))
        if path is not None:
            body["chunked_upload"] = upload_in_chunks(self._transport, path)["id"]
        row: dict[str, Any] = self._create(Model, body)
        return row

    @typed_list
    def list_ground_truth_events(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List ground truth events. One request, or one for each page and each file.

        With `list_all`, the files are downloaded into this user's cache as the rows are used, and
        `files[...]["path"]` is the local path.

        Args:
            params: Filters such as `ground_truth_dataset_versions` (a list) and `project`.
            url_conversion: Rule for rewriting the URLs in `files` instead; `{}` changes nothing.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(
            GroundTruthEvent, params, url_conversion, list_all, is_local=True, **options
        )

    @typed_part_list
    def list_ground_truth_events_data(
        self,
        params: Params | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List documents of ground truth events. One request, or one per page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.

        Returns:
            Rows with `id` and `data`.
        """
        return self._list_rows(GroundTruthEvent, params, None, list_all, part="data/", **options)

    @typed_list
    def list_ground_truth_events_files(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List files of ground truth events. One request, or one per page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting the URLs in `files`, a list.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(
            GroundTruthEvent, params, url_conversion, list_all, part="files/", **options
        )

    @typed_list
    def list_ground_truths(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List ground truths. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `ground_truth_dataset` and `project`.
            url_conversion: Rule for rewriting the URLs in `files`.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        self._allow_slow_rows(options)
        return self._list_rows(GroundTruth, params, url_conversion, list_all, **options)

    @typed_list
    def list_ground_truth_versions(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List versions of ground truth datasets. One request, or one for each page.

        Args:
            params: Filters such as `ground_truth_dataset` and `project`.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(GroundTruthVersion, params, url_conversion, list_all, **options)

    def get_ground_truth_version(
        self, version_id: Id, params: Params | None = None
    ) -> dict[str, Any]:
        """Return a version of a ground truth dataset. One request.

        Args:
            version_id: Id of the version.
            params: Query parameters.

        Raises:
            NotFound: No version has this id.
        """
        return self._get_row(GroundTruthVersion, version_id, params)
