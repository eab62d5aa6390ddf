"""Every path of the local backend."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from synapse.emulator.api.annotation import (
    ProjectViewSet,
    ScriptTaskViewSet,
    TaskTagViewSet,
    TaskViewSet,
)
from synapse.emulator.api.collections import DataCollectionViewSet
from synapse.emulator.api.data_files import DataFileViewSet
from synapse.emulator.api.hitl import AssignmentViewSet, ScriptAssignmentViewSet
from synapse.emulator.api.jobs import JobViewSet
from synapse.emulator.api.logs import LogViewSet
from synapse.emulator.api.plugins import PluginViewSet
from synapse.emulator.api.releases import PluginReleaseViewSet
from synapse.emulator.api.units import DataUnitViewSet
from synapse.emulator.api.uploads import UploadView
from synapse.emulator.api.users import HealthView, MeView
from synapse.emulator.control import TenantsView
from synapse.emulator.downloads import FileView

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
router.register("jobs", JobViewSet, "job")
router.register("logs", LogViewSet, "log")

urlpatterns = [
    *router.urls,
    path("chunked_upload/", UploadView.as_view(), name="chunked-upload-list"),
    path("chunked_upload/<uuid:pk>/", UploadView.as_view(), name="chunked-upload-detail"),
    path("files/<str:checksum>/<str:name>", FileView.as_view(), name="file"),
    path("users/me/", MeView.as_view(), name="me"),
    path("health/", HealthView.as_view(), name="health"),
    path("_emulator/tenants/", TenantsView.as_view(), name="tenants"),
]

handler400 = "synapse.emulator.errors_json.bad_request"
handler404 = "synapse.emulator.errors_json.not_found"
handler500 = "synapse.emulator.errors_json.server_error"
