"""Configure Sphinx. The build needs no network."""

# ruff: noqa: ARG001 (the signatures are Sphinx's)

from __future__ import annotations

from types import FunctionType
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

from synapse._version import __version__
from synapse.orm.base_manager import BaseManager
from synapse.orm.resource import Resource

project = "synapse-sdk"
author = "The synapse-sdk authors"
copyright = "the synapse-sdk authors. Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"synapse-sdk {release}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["manual.css"]
pygments_style = "friendly"
pygments_dark_style = "monokai"
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

# Docstrings write code in single backquotes, like Markdown.
default_role = "literal"
add_module_names = False
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 88

# Types without a page here: those of other projects, type variables, and private names.
nitpick_ignore_regex = [
    (r"py:.*", r"(typing|typing_extensions|collections|datetime|enum|io|pathlib|types|os)\..*"),
    (r"py:.*", r"(requests|urllib3|attrs?|cattrs|cachetools)\..*"),
    (r"py:.*", r"(.*\.)?[A-Z]"),
    (r"py:.*", r"(.*\.)?_\w+"),
    (r"py:class", r"datetime"),
    # Internals of the object layer, which no caller writes.
    (r"py:class", r"(.*\.)?(SessionBase|Schema|QueryState|Slice|FieldOptions|Entity)"),
    (r"py:class", r"(.*\.)?(Expansion|LazyPolicy|Closing|Described|KnownAttributes)"),
    (r"py:class", r"(.*\.)?(LiveOutput|ChangingView)"),
    (r"py:class", r"(.*\.)?(PagingOption|UploadsOption|ArrowStream|TableColumn)"),
    (r"py:class", r"TimeoutArgument|TokenArgument|ProgressArgument|SourceArgument|OnError"),
    # Names of the standard library, as modules import them.
    (r"py:class", r"Path|BufferedReader"),
    # Aliases of words and callables; the classes of their arguments have pages.
    (r"py:class", r"Hook|OnRetry|OnChange|Values"),
    (r"py:class", r"synapse\.transport\.page\.Page"),
    (r"py:class", r"(.*\.)?(BackendBase|Response|Pipeline|Nested|Handshake)"),
    (r"py:class", r"(.*\.)?(BodyKeywords|ListKeywords|HeaderValue|RemotePath|LongPollHandler)"),
    # Bases of an agent's values; the agent's page lists the protocols.
    (r"py:class", r"(.*\.)?(AgentApi|AgentValue|TailProtocol)"),
    # Aliases of an annotation's parts, and names of numpy and psutil.
    (r"py:class", r"(.*\.)?(Runs|Source|Json|Point|Document|SkipExisting|SplitArgument|Checksums)"),
    (r"py:class", r"ArrayLike|NDArray|(np|psutil|pa|pd|pl)\.\w+"),
    # The base of Ray clients, and Ray's own classes.
    (r"py:class", r"(.*\.)?(RayRest|RayProtocol)|ray\.data\.\w+"),
]


def link_bare_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Link an annotation with a bare class name to that class."""
    name: str = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not name.isidentifier():
        return None
    objects: dict[str, Any] = env.domains["py"].objects  # type: ignore[attr-defined]
    matches = [full for full in objects if full.endswith(f".{name}")]
    if len(matches) != 1:
        return None
    entry = objects[matches[0]]
    return make_refnode(
        app.builder, node["refdoc"], entry.docname, entry.node_id, content, matches[0]
    )


def hide_constructor(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Hide the constructors of managers, resources and client parts.

    Only the SDK creates managers and resources. A client part has the client's constructor.
    """
    if what != "class" or not isinstance(obj, type):
        return None
    is_ours = issubclass(obj, (BaseManager, Resource)) or obj.__name__.endswith("ClientMixin")
    return ("", "") if is_ours else None


def use_written_signature(app: Sphinx, method: Any, bound_method: bool) -> None:
    """Show `**values` as in the source, since autodoc reads the defaults there."""
    function = getattr(method, "__func__", method)
    if isinstance(function, FunctionType):
        vars(function).pop("__signature__", None)


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", link_bare_name)
    app.connect("autodoc-before-process-signature", use_written_signature, priority=1)
    app.connect("autodoc-process-signature", hide_constructor)
    for kind in PyObject.doc_field_types:
        if kind.name == "variable":
            kind.label = "Attributes"
