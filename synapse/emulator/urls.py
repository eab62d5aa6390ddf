"""Every path of the local backend."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from synapse.emulator.admin_api import (
    BehavioursView,
    FaultsView,
    FaultView,
    GroundTruthsView,
    TenantsView,
)
from synapse.emulator.api.agents import AgentViewSet, ConnectView
from synapse.emulator.api.annotation import (
    ProjectViewSet,
    ScriptTaskViewSet,
    TaskCreationViewSet,
    TaskTagViewSet,
    TaskViewSet,
)
from synapse.emulator.api.assignments import AssignmentViewSet, ScriptAssignmentViewSet
from synapse.emulator.api.collections import DataCollectionViewSet
from synapse.emulator.api.data_files import DataFileViewSet
from synapse.emulator.api.ground_truth import (
    GroundTruthEventViewSet,
    GroundTruthVersionViewSet,
    GroundTruthViewSet,
)
from synapse.emulator.api.jobs import JobViewSet, TrainViewSet
from synapse.emulator.api.logs import LogViewSet
from synapse.emulator.api.ml import ModelViewSet
from synapse.emulator.api.plugins import PluginViewSet
from synapse.emulator.api.presigned import AnnounceView, ConfirmView
from synapse.emulator.api.releases import PluginReleaseViewSet
from synapse.emulator.api.serving import ServeApplicationViewSet
from synapse.emulator.api.storages import StorageViewSet
from synapse.emulator.api.units import DataUnitViewSet
from synapse.emulator.api.uploads import UploadView
from synapse.emulator.api.users import HealthView, MeView
from synapse.emulator.downloads import FileView
from synapse.emulator.payloads import PayloadView
from synapse.emulator.storage_service import StorageView

router = SimpleRouter()
router.register("projects", ProjectViewSet, "project")
router.register("sdk/tasks", ScriptTaskViewSet, "sdk-task")
router.register("tasks", TaskViewSet, "task")
router.register("task_tags", TaskTagViewSet, "task-tag")
router.register("sdk/assignments", ScriptAssignmentViewSet, "sdk-assignment")
router.register("assignments", AssignmentViewSet, "assignment")
router.register("data_collections", DataCollectionViewSet, "data-collection")
router.register("data_units", DataUnitViewSet, "data-unit")
router.register("data_files", DataFileViewSet, "data-file")
router.register("plugins", PluginViewSet, "plugin")
router.register("plugin_releases", PluginReleaseViewSet, "plugin-release")
router.register("agents", AgentViewSet, "agent")
router.register("jobs", JobViewSet, "job")
router.register("trains", TrainViewSet, "train")
router.register("logs", LogViewSet, "log")
router.register("serve_applications", ServeApplicationViewSet, "serve-application")
router.register("storages", StorageViewSet, "storage")
router.register("models", ModelViewSet, "model")
router.register("sdk/ground_truth_events", GroundTruthEventViewSet, "sdk-ground-truth-event")
router.register("ground_truths", GroundTruthViewSet, "ground-truth")
router.register(
    "ground_truth_dataset_versions", GroundTruthVersionViewSet, "ground-truth-dataset-version"
)

urlpatterns = [
    *router.urls,
    path("data_files/presigned_upload/upload/", AnnounceView.as_view(), name="presigned-upload"),
    path(
        "data_files/presigned_upload/confirm_upload/",
        ConfirmView.as_view(),
        name="presigned-confirmation",
    ),
    path("_storage/payloads/<str:key>", PayloadView.as_view(), name="payload"),
    path("_storage/<str:key>", StorageView.as_view(), name="storage"),
    path(
        "data_units/create_tasks/",
        TaskCreationViewSet.as_view({"post": "create_tasks"}),
        name="task-creation",
    ),
    path("chunked_upload/", UploadView.as_view(), name="chunked-upload-list"),
    path("chunked_upload/<uuid:pk>/", UploadView.as_view(), name="chunked-upload-detail"),
    path("agents/<str:token>/connect/", ConnectView.as_view(), name="agent-connect"),
    path("files/<str:key>/<str:name>", FileView.as_view(), name="file"),
    path("users/me/", MeView.as_view(), name="me"),
    path("health/", HealthView.as_view(), name="health"),
    path("_emulator/tenants/", TenantsView.as_view(), name="tenants"),
    path("_emulator/ground_truths/", GroundTruthsView.as_view(), name="ground-truths"),
    path("_emulator/behaviours/", BehavioursView.as_view(), name="behaviours"),
    path("_emulator/faults/", FaultsView.as_view(), name="faults"),
    path("_emulator/faults/<str:key>/", FaultView.as_view(), name="fault"),
]

handler400 = "synapse.emulator.errors_json.bad_request"
handler404 = "synapse.emulator.errors_json.not_found"
handler500 = "synapse.emulator.errors_json.server_error"
