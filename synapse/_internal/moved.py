"""Modules that moved in 0.2: imports under the old names work, and warn.

An old name is a stand-in that looks attributes up in the new modules.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["install", "moved_modules"]

_SINCE, _REMOVED_IN = "0.2", "1.0"

# Old name: the new modules, all below `synapse`.
_MOVED = {
    "_exports": "_public",
    "agent.app": "agent.endpoints",
    "agent.cluster": "jobs.protocols jobs.local.machine",
    "agent.following": "agent.log_streaming",
    "agent.orders": "agent.tickets",
    "agent.ray_cluster": "jobs.ray.machines",
    "agent.ray_job": "jobs.ray.job",
    "agent.ray_requirements": "jobs.ray.requirements",
    "agent.ray_runner": "jobs.ray.runner jobs.protocols",
    "agent.refusals": "agent.http_errors",
    "agent.releases": "agent.release_store",
    "agent.reporting": "agent.delivery",
    "agent.work": "agent.job_service",
    "clients.agent.cluster": "clients.agent.ray_mixin",
    "clients.agent.tailing": "clients.agent.log_tail",
    "core": "orm",
    "core.binding": "orm.pickling",
    "core.bound": "orm.base_manager",
    "core.containers": "orm.tracked",
    "core.context": "orm.session_base",
    "core.convert": "orm.convert",
    "core.declaration": "orm.declaration",
    "core.fields": "orm.fields",
    "core.filters": "orm.lookups",
    "core.identity": "orm.identity_map",
    "core.manager": "orm.manager",
    "core.query": "orm.query",
    "core.reading": "orm.pages",
    "core.registry": "orm.registry",
    "core.relations": "orm.relations",
    "core.resource": "orm.resource",
    "core.rows": "orm.pages",
    "core.schema": "orm.schema",
    "core.terms": "orm.query_state",
    "core.verbs": "orm.resource",
    "engine": "jobs",
    "engine.endings": "jobs.local.exit_reason",
    "engine.engine": "jobs.local.engine",
    "engine.environments": "jobs.local.venvs",
    "engine.family": "jobs.local.process_tree",
    "engine.job": "jobs.local.job",
    "engine.order": "jobs.spec jobs.protocols",
    "engine.output": "jobs.local.output_splitter",
    "engine.process": "jobs.local.process",
    "engine.releases": "jobs.local.release_cache",
    "plugins.checking": "plugins.mapping_reader",
    "plugins.contents": "plugins.release_check",
    "plugins.documents": "plugins.config_file",
    "plugins.driver": "plugins.job_main",
    "plugins.lines": "plugins.log_markers",
    "plugins.reports": "plugins.job_updates",
    "plugins.running": "plugins.job_context",
    "redaction": "_internal.redaction",
    "resources.annotation": "resources.projects resources.tasks resources.task_tags",
    "resources.bulk": "resources.file_transfers",
    "resources.cluster": "resources.agent_values",
    "resources.cluster_lists": "resources.agent_collections",
    "resources.console": "resources.job_output",
    "resources.data": "resources.data_collections resources.data_units resources.data_files",
    "resources.hitl": "resources.assignments",
    "resources.logs": "resources.job_logs",
    "resources.ml": "resources.models resources.ground_truths",
    "resources.own_file": "resources.file_transfers",
    "resources.plugin_checks": "plugins.run_check resources.newest_release",
    "resources.progress": "resources.job_progress",
    "resources.serving": "resources.serve_applications",
    "resources.values": "resources.enums",
    "resources.waiting": "resources.job_waiting",
    "transfer.bulk.download": "transfer.bulk.downloader",
    "transfer.bulk.line": "transfer.bulk.pipeline",
    "transfer.bulk.makers": "transfer.bulk.batch_create",
    "transfer.bulk.making": "transfer.bulk.batch_create",
    "transfer.bulk.matching": "transfer.bulk.specification_matcher",
    "transfer.bulk.record": "transfer.bulk.upload_item",
    "transfer.bulk.sending": "transfer.bulk.file_sender",
    "transfer.bulk.spool": "transfer.bulk.file_listing",
    "transfer.bulk.tally": "transfer.bulk.report",
    "transfer.bulk.upload": "transfer.bulk.uploader",
    "transfer.bulk.walking": "transfer.bulk.file_walk",
    "transfer.chunked": "transfer.chunked_upload",
    "transfer.direct": "transfer.form_upload",
    "transfer.fetching": "transfer.range_request",
    "transfer.hashing": "transfer.checksum",
    "transfer.locks": "_internal.file_lock",
    "transfer.names": "transfer.filenames",
    "transfer.protocol": "transfer.chunk_protocol",
    "transfer.resuming": "transfer.upload_state",
    "transfer.source": "transfer.local_file",
    "transfer.stream": "transfer.remote_file",
    "transport.answer": "transport.response",
    "transport.deadlines": "transport.deadline_blocks transport.socket_deadlines",
    "transport.elsewhere": "transport.external_hosts",
    "transport.failures": "transport.error_mapping",
    "transport.following": "transport.line_follower",
    "transport.http": "transport.transport",
    "transport.reading": "transport.body",
    "transport.retries": "transport.retry",
    "transport.seen": "transport.seen_ids",
    "transport.streams": "transport.stream_limits",
}

_RENAMED = {
    "agent.cluster": {"Cluster": "Machines"},
    "agent.orders": {"Orders": "Tickets"},
    "agent.ray_cluster": {"RayCluster": "RayMachines"},
    "agent.ray_runner": {"Tickets": "TicketIssuer"},
    "agent.releases": {"Releases": "ReleaseStore"},
    "agent.reporting": {"Reports": "Delivery"},
    "agent.work": {"Work": "JobService"},
    "core.bound": {"Bound": "BaseManager"},
    "core.context": {"Context": "SessionBase"},
    "core.convert": {"Choice": "Choices", "Nested": "ValueObject"},
    "core.fields": {"Declared": "FieldOptions"},
    "core.reading": {"Reading": "PageRequest", "Window": "Slice"},
    "core.relations": {"RelatedId": "ForeignKeyId", "Root": "ManagerDescriptor"},
    "core.terms": {"Terms": "QueryState"},
    "engine.family": {"Family": "ProcessTree"},
    "engine.order": {"JobOrder": "JobSpec", "Line": "OutputLine"},
    "engine.process": {"Verdict": "StopRequest"},
    "engine.releases": {"Releases": "ReleaseCache"},
    "plugins.lines": {
        "checked_level": "validate_level",
        "marked": "add_level",
        "split": "split_level",
    },
    "plugins.checking": {
        "MISSPELT": "MIN_SIMILARITY",
        "Reader": "MappingReader",
        "near": "did_you_mean",
    },
    "plugins.documents": {"parsed": "parse_config"},
    "plugins.reports": {"Reports": "JobUpdates", "Sender": "UpdateSender", "as_json": "to_json"},
    "resources.bulk": {
        "DownloadsTasks": "DownloadTasksMixin",
        "DownloadsUnits": "DownloadUnitsMixin",
        "UploadsUnits": "UploadUnitsMixin",
    },
    "resources.cluster": {
        "OfAgent": "AgentValue",
        "health_of": "fetch_health",
        "made": "build_value",
        "metrics_of": "fetch_metrics",
    },
    "resources.waiting": {"ended": "have_ended"},
    "resources.console": {"ConsoleLog": "JobOutput"},
    "resources.own_file": {"DownloadsFile": "FileDownloadMixin"},
    "resources.progress": {"Shown": "JobProgressDisplay"},
    "transfer.bulk.line": {"Channel": "Queue", "Line": "Pipeline", "Stopped": "PipelineStopped"},
    "transfer.bulk.makers": {"Tasks": "TaskCreator", "Units": "UnitCreator"},
    "transfer.bulk.making": {"Maker": "BatchCreator"},
    "transfer.bulk.matching": {"file_type_of": "guess_file_type"},
    "transfer.bulk.record": {
        "Asked": "PendingCreate",
        "LocalFile": "ItemFile",
        "Record": "UploadItem",
    },
    "transfer.bulk.sending": {"Sender": "FileSender"},
    "transfer.bulk.spool": {"Spool": "FileListing"},
    "transfer.bulk.tally": {"Tally": "ReportBuilder"},
    "transfer.bulk.upload": {"Target": "UploadTarget"},
    "transfer.bulk.walking": {"matching": "glob_files", "walk": "walk_files"},
    "transfer.fetching": {"Arriving": "RangeResponse", "arriving": "request_range"},
    "transfer.locks": {
        "NoLocks": "LocksUnsupported",
        "locked": "acquire_lock",
        "unlock": "release_lock",
    },
    "transfer.names": {"inside": "safe_path"},
    "transfer.resuming": {"Memory": "UploadState"},
    "transfer.source": {"Source": "LocalFile"},
    "transport.answer": {"Answer": "Response"},
    "transport.elsewhere": {"Elsewhere": "ExternalHosts"},
    "transport.following": {"Pauses": "Backoff"},
}


def moved_modules() -> dict[str, tuple[str, ...]]:
    """Return the new modules of each old module name, as absolute names."""
    return {
        f"synapse.{old}": tuple(f"synapse.{new}" for new in targets.split())
        for old, targets in _MOVED.items()
    }


class _MovedModules:
    """Find old module names and load a stand-in for each.

    A finder and loader by their methods alone: importing `importlib.abc` would cost more than
    everything else here.
    """

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if not fullname.startswith("synapse.") or fullname[8:] not in _MOVED:
            return None
        return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type] # by its methods

    def create_module(self, _: ModuleSpec) -> None:
        """Leave making the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        from synapse._internal.deprecation import warn_deprecated  # only old names need it

        old = module.__name__
        targets = moved_modules()[old]
        renamed = _RENAMED.get(old.removeprefix("synapse."), {})
        warn_deprecated(
            old, since=_SINCE, removed_in=_REMOVED_IN, instead=" or ".join(targets), stacklevel=2
        )

        def __getattr__(name: str) -> Any:  # noqa: N807 - the hook's name
            if name == "__all__":
                return sorted({*_all_of(targets) - set(renamed.values()), *renamed})
            for target in targets:
                found = getattr(import_module(target), renamed.get(name, name), module)
                if found is not module:
                    return found
            raise AttributeError(f"module {old!r} has no attribute {name!r}")

        module.__getattr__ = __getattr__  # type: ignore[method-assign] # PEP 562


def _all_of(modules: Sequence[str]) -> set[str]:
    return {name for module in modules for name in getattr(import_module(module), "__all__", ())}


def install() -> None:
    """Make the old names importable.

    The finder comes first: after an upgrade in place, an old package's folder may remain with
    nothing but byte code, and would be taken for a namespace package.
    """
    sys.meta_path.insert(0, _MovedModules())
