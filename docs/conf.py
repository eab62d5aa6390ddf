"""Configure Sphinx. The build needs no network."""

# ruff: noqa: ARG001 (the signatures are Sphinx's)

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from types import FunctionType
from typing import Any

import attrs
from docutils import nodes
from sphinx.addnodes import download_reference, index, pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

from synapse._version import __version__
from synapse.orm import registry
from synapse.orm.base_manager import BaseManager
from synapse.orm.resource import Resource

logger = logging.getLogger(__name__)

project = "synapse-sdk"
author = "The synapse-sdk authors"
copyright = "the synapse-sdk authors. Apache-2.0"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "_search", "explanation/how_far_it_goes/tables.md"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# `sphinx -b man` makes `synapse.1` out of the page of the command line.
man_pages = [("howto/command_line", "synapse", "work with a Synapse server", [author], 1)]

# Notebooks are stored without outputs, and run in a temporary folder by each build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_output_stderr = "warn"  # which fails the build
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"

# What people type for a page, and how the search ranks the parts of the manual.
SEARCH_WORDS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("_search").joinpath("words.json").read_text(encoding="utf-8")
)
html_search_scorer = str(Path(__file__).with_name("_search") / "scorer.js")

html_theme = "furo"
html_title = f"synapse-sdk {release}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["manual.css"]
pygments_style = "friendly"
pygments_dark_style = "monokai"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
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
    (r"py:class", r"(.*\.)?(SessionBase|Schema|QueryState|Slice|FieldOptions|Entity|Managed)"),
    (r"py:class", r"(.*\.)?(Expansion|LazyPolicy|Closing|Described|KnownAttributes)"),
    (r"py:class", r"(.*\.)?(LiveOutput|ChangingView)"),
    (r"py:class", r"(.*\.)?(PagingOption|UploadsOption|ArrowStream|TableColumn)"),
    (r"py:class", r"TimeoutArgument|TokenArgument|ProgressArgument|SourceArgument|OnError"),
    (r"py:class", r"(Model|Plugin)Create|JobUpdate"),  # of the stub, which only checkers read
    (r"py:class", r"Axes"),  # matplotlib's
    (r"py:class", r"(Tracer|Meter)Provider"),  # OpenTelemetry's
    (r"py:class", r"contextlib\.AbstractContextManager"),
    # Names of the standard library, as modules import them.
    (r"py:class", r"Path|BufferedReader|EllipsisType"),
    # Aliases of words and callables; the classes of their arguments have pages.
    (r"py:class", r"Hook|OnRetry|OnChange|Values"),
    (r"py:class", r"synapse\.transport\.page\.Page"),
    (r"py:class", r"(.*\.)?(BackendBase|Response|Pipeline|Nested|Handshake)"),
    (r"py:class", r"(.*\.)?(BodyKeywords|ListKeywords|HeaderValue|RemotePath|LongPollHandler)"),
    # Bases of an agent's values; the agent's page lists the protocols.
    (r"py:class", r"(.*\.)?(AgentApi|AgentValue|TailProtocol)"),
    # Aliases of an annotation's parts, and names of numpy and psutil.
    (r"py:class", r"(.*\.)?(Runs|Source|Json|Point|Document|SkipExisting|SplitArgument|Checksums)"),
    # The form of a target, and classes of Hugging Face.
    (r"py:class", r"(.*\.)?TargetKind|datasets\.\w+"),
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


def hide_internal_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Leave out bases that only share code."""
    bases[:] = [base for base in bases if base.__name__ != "FieldRepr"] or [object]


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


def add_verbs(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """List all verbs of a resource or manager, also those of its bases, with their requests."""
    is_ours = what == "class" and isinstance(obj, type) and issubclass(obj, (BaseManager, Resource))
    if not is_ours or obj.__module__.startswith("synapse.orm."):
        return
    rows = [
        f"   * - :py:meth:`{verb}() <{owner.__module__}.{owner.__qualname__}.{verb}>`\n"
        f"     - {text}\n     - {count}"
        for verb, owner, text, count in find_verbs(obj)
    ]
    lines += ["", ".. rubric:: All verbs", "", ".. list-table::", "   :class: verbs"]
    lines += ["   :header-rows: 1", "", "   * - verb", "     - effect", "     - requests"]
    lines += [*"\n".join(rows).split("\n"), ""]


def find_verbs(cls: type) -> list[tuple[str, type, str, str]]:
    """Return name, defining class, first line and sentence about requests of each verb."""
    verbs = []
    for verb in dir(cls):
        owner = next(base for base in cls.__mro__ if verb in vars(base))
        method = vars(owner)[verb]
        if verb.startswith("_") or not isinstance(
            getattr(method, "__func__", method), FunctionType
        ):
            continue
        text = " ".join((inspect.getdoc(getattr(cls, verb)) or "").split("\nArgs:")[0].split())
        sentences = re.split(r"(?<=\.) ", text)
        counts = (each for each in sentences[1:] if re.search(r"\brequests?\b", each))
        verbs.append((verb, owner, sentences[0], next(counts, sentences[0])))
    return verbs


def show_real_defaults(app: Sphinx, obj: Any, bound_method: bool) -> None:
    """Show the values of defaults that the source names by a constant, or in a table of attrs."""
    if not isinstance(obj, FunctionType):
        return
    shown = inspect.signature(obj)  # autodoc's, with the source's text
    written = shown.parameters
    vars(obj).pop("__signature__", None)
    signature = inspect.signature(obj)
    if signature.parameters.keys() != written.keys():  # the signature was set by hand
        vars(obj)["__signature__"] = shown
        return
    is_generated = obj.__code__.co_filename.startswith("<attrs generated")
    factories = find_factories(obj) if is_generated else {}
    parameters = []
    for name, real in signature.parameters.items():
        if name in factories:
            real = real.replace(default=factories[name]())
        constant = re.fullmatch(r"_?[A-Z][A-Z_]*", repr(written[name].default))
        is_short = len(repr(real.default)) < 60 and " at 0x" not in repr(real.default)
        is_shown = is_generated or (constant and is_short)
        parameters.append(real if is_shown else written[name])
    vars(obj)["__signature__"] = signature.replace(parameters=parameters)


def find_factories(method: FunctionType) -> dict[str, Callable[[], Any]]:
    """Return what makes the defaults of a generated constructor's arguments."""
    cls: Any = sys.modules[method.__module__]
    for part in method.__qualname__.split(".")[:-1]:
        cls = getattr(cls, part)
    defaults = {field.alias: field.default for field in attrs.fields(cls)}
    return {
        name: default.factory
        for name, default in defaults.items()
        if name is not None and isinstance(default, attrs.Factory) and not default.takes_self
    }


def add_download(app: Sphinx, doctree: nodes.document) -> None:
    """Link a notebook's page to the notebook, below the title."""
    source = Path(app.env.doc2path(app.env.docname))
    if source.suffix != ".ipynb":
        return
    link = download_reference("", "", reftarget=source.name, refdoc=app.env.docname)
    link += nodes.literal("", source.name, classes=["download"])
    paragraph = nodes.paragraph("", "Download this notebook: ", link)
    title = next(iter(doctree.findall(nodes.title)))
    title.parent.insert(title.parent.index(title) + 1, paragraph)


def add_search_words(app: Sphinx, doctree: nodes.document) -> None:
    """Let the search find a page by the words of `_search/words.json`."""
    words = SEARCH_WORDS.get(app.env.docname)
    if words:
        entries = [("single", word, "", "main", None) for word in words]
        doctree.insert(0, index("", entries=entries))
        doctree.insert(0, nodes.meta("", name="keywords", content=", ".join(words)))


def write_found_pages(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write these pages in each build: the index of a partial build has no words of other pages."""
    return [page for page in SEARCH_WORDS if page in env.found_docs]


def settle_outputs(app: Sphinx, doctree: nodes.document) -> None:
    """Give each build the same address of a local backend, and refuse this machine's paths."""
    private = re.compile(
        "|".join(map(re.escape, {gettempdir(), str(Path.home()), str(app.srcdir)}))
    )
    for output in doctree.findall(nodes.container):
        if "cell_output" not in output["classes"]:
            continue
        for node in output.findall(nodes.Text):
            text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:8000", str(node))
            if private.search(text):
                logger.warning("An output has a path of this machine.", location=output)
            if text != node:
                node.parent.replace(node, nodes.Text(text))


def use_written_signatures() -> None:
    """Show `**values` as in the source, since autodoc reads the defaults there."""
    for cls in registry.declared():
        for method in vars(cls).values():
            function = getattr(method, "__func__", method)
            if isinstance(function, FunctionType):
                vars(function).pop("__signature__", None)


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", add_download, priority=400)  # before files are collected
    app.connect("doctree-read", settle_outputs)
    app.connect("doctree-read", add_search_words, priority=900)
    app.connect("env-updated", write_found_pages)
    use_written_signatures()
    app.connect("missing-reference", link_bare_name)
    app.connect("autodoc-process-bases", hide_internal_bases)
    app.connect("autodoc-process-signature", hide_constructor)
    app.connect("autodoc-before-process-signature", show_real_defaults)
    app.connect("autodoc-process-docstring", add_verbs)
    for kind in PyObject.doc_field_types:
        if kind.name == "variable":
            kind.label = "Attributes"
