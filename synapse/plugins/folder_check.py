"""Find everything for which a plugin's folder can't be released or the code can't run."""

from __future__ import annotations

import ast
import os
import platform
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from synapse._internal.user_folders import expand_home
from synapse._internal.validate import is_number
from synapse.errors import PluginConfigError, UsageError
from synapse.plugins.archive import find_name_problems
from synapse.plugins.config import PluginConfig
from synapse.plugins.config_file import parse_config
from synapse.plugins.credential_files import find_credentials
from synapse.plugins.folder import IgnoredPaths, SourceFile, list_files
from synapse.plugins.import_check import try_imports
from synapse.plugins.packaging import find_config_name, pack, read_head
from synapse.plugins.platform_form import list_requirements, uses_platform_package
from synapse.plugins.release_check import check_release, find_entrypoints
from synapse.plugins.specifiers import admits

__all__ = ["PluginProblem", "PluginReport", "check"]

# Distributions whose modules have another name.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "google": "google-cloud-storage",
    "jwt": "PyJWT",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
# Bytes of a Python file: the parser takes a hundred times the memory.
_MAX_CODE = 4 << 20
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@attrs.frozen
class PluginProblem:
    """A problem of a plugin's folder.

    Attributes:
        path: File, with the line or the key, such as `config.yaml: actions.train.entrypoint`.
        reason: The problem and the remedy, in a sentence or two.
        is_refusal: Whether a release is refused. Otherwise, a job of the release fails.
    """

    path: str
    reason: str
    is_refusal: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


@attrs.frozen(kw_only=True)
class PluginReport:
    """The outcome of checking a plugin's folder.

    Attributes:
        folder: The folder.
        config: The configuration; `None` if the configuration has mistakes.
        files: Names of the files that a release has.
        problems: The problems.
        notes: Parts that could not be checked here, in sentences.
    """

    folder: Path
    config: PluginConfig | None
    files: Sequence[str] = attrs.field(repr=lambda files: str(len(files)))
    problems: Sequence[PluginProblem]
    notes: Sequence[str]

    @property
    def is_ok(self) -> bool:
        """True without problems."""
        return not self.problems

    def __str__(self) -> str:
        name = self.folder.name
        if self.config is not None:
            name = f"{self.config.code} {self.config.version}"
        count = len(self.problems)
        verdict = f"{count} problem{'s' if count > 1 else ''}" if count else "no problems"
        lines = [f"{name}: {len(self.files)} files, {verdict}"]
        lines += [f"- {problem}" for problem in self.problems]
        lines += [f"  ({note})" for note in self.notes]
        return "\n".join(lines)


def check(
    folder: str | os.PathLike[str], *, allow_credentials: bool = False, timeout: float = 30.0
) -> PluginReport:
    r"""Check a plugin's folder. Makes no request.

    The report has everything for which a release is refused, all at once, and everything for which
    the code can't start: syntax errors, and entrypoints that can't be imported or called. The
    modules are imported in a child process, with the variables of `env` in the configuration.

    Args:
        folder: The plugin's folder.
        allow_credentials: Whether to accept files that look like credentials, such as `.env`.
        timeout: Longest time of an import in seconds.

    Raises:
        UsageError: The folder doesn't exist, or can't be read.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.

    Example:
        >>> folder = Path("echo")
        >>> folder.mkdir()
        >>> _ = (folder / "echo.py").write_text("def run(params): print(params)")
        >>> lines = ["code: echo", "name: Echo", "version: 1.0.0", "category: export"]
        >>> lines += ["actions:", "  say: {entrypoint: 'echo:run'}"]
        >>> _ = (folder / "config.yaml").write_text("\n".join(lines))
        >>> print(check(folder).problems[0].path)
        config.yaml: actions.say.entrypoint
    """
    if not is_number(timeout) or not timeout > 0:
        raise UsageError(f"timeout={timeout!r} is not valid. Pass seconds, more than 0.")
    run = _FolderCheck(expand_home(folder))
    run.check_files()
    if not allow_credentials:
        run.check_credentials()
    run.check_configuration()
    run.check_syntax()
    run.check_imports(timeout)
    if not any(problem.is_refusal for problem in run.problems):
        run.check_archive(allow_credentials=allow_credentials)
    return PluginReport(
        folder=run.folder,
        config=run.config,
        files=tuple(run.files),
        problems=tuple(run.problems),
        notes=tuple(run.notes),
    )


class _FolderCheck:
    """One check; the parts don't depend on each other's success."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve() if folder.is_dir() else folder
        self.problems: list[PluginProblem] = []
        self.notes: list[str] = []
        self.files: dict[str, SourceFile] = {}
        self.config: PluginConfig | None = None
        self._ignored = IgnoredPaths()
        self._source = "config.yaml"
        self._document: Mapping[str, Any] = {}
        self._wrong_keys: set[str] = set()

    def check_files(self) -> None:
        """Find links that lead out, and names that not every system can have."""
        refusals: list[str] = []
        self.files = {file.name: file for file in list_files(self.folder, self._ignored, refusals)}
        refusals += find_name_problems([(name, False) for name in self.files])
        self.problems += [PluginProblem("", reason) for reason in refusals]

    def check_credentials(self) -> None:
        """Find files that look like credentials."""
        for name in find_credentials(self.files, lambda name: read_head(self.files[name].path)):
            reason = "Looks like credentials. Name the file in .gitignore, or remove it."
            self.problems.append(PluginProblem(name, reason))

    def check_configuration(self) -> None:
        """Find mistakes of the configuration, and entrypoints that don't exist."""
        try:
            self._source = find_config_name(self.folder, self.files, self._ignored)
            self._document = parse_config(self._source, self._read(self._source) or b"")
            self.config = check_release(
                self._document,
                source=self._source,
                names=self.files.keys(),
                read=lambda name: self._read(name) or b"",
                is_ignored=self._ignored.has_path,
            )
        except PluginConfigError as error:
            self._source = error.source
            for key, reasons in error.problems.items():
                self._wrong_keys.add(key)
                for reason in reasons:
                    self._add_key(key, reason)

    def check_syntax(self) -> None:
        """Find syntax errors in every Python file."""
        if not self._has_right_python():
            return
        for name, file in self.files.items():
            if not name.endswith(".py"):
                continue
            if file.path.stat().st_size > _MAX_CODE:
                self.notes.append(f"{name} is too large to be checked.")
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of escapes in the file's texts
                    ast.parse(file.path.read_bytes(), name)
            except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
                line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
                # Nesting that is too deep raises a MemoryError without a message.
                reason = getattr(error, "msg", None) or str(error) or "too deeply nested"
                version = platform.python_version()
                self.problems.append(
                    PluginProblem(
                        f"{name}{line}", f"Not valid in Python {version}: {reason}.", False
                    )
                )

    def check_imports(self, timeout: float) -> None:
        """Import the entrypoints that exist."""
        if not self._has_right_python():
            return
        keys = {
            key: entrypoint
            for key, entrypoint in find_entrypoints(self._document)
            if key not in self._wrong_keys and not self._is_platforms(key)
        }
        env = self.config.env if self.config is not None else {}
        outcomes = try_imports(self.folder, list(keys.values()), env=env, timeout=timeout)
        broken = {problem.path for problem in self.problems}
        missing: dict[str, str] = {}
        for key, entrypoint in keys.items():
            outcome = outcomes[entrypoint]
            for name in outcome.missing:
                missing.setdefault(name, entrypoint)
            is_known = outcome.place != "" and outcome.place in broken
            if outcome.reason is not None and not is_known:
                reason = f"{outcome.reason} ({outcome.place})" if outcome.place else outcome.reason
                self._add_key(key, reason, is_refusal=False)
        for name, entrypoint in missing.items():
            self._explain_missing(name, entrypoint)

    def check_archive(self, *, allow_credentials: bool) -> None:
        """Pack a release, as the last word: the sizes have limits."""
        with tempfile.TemporaryDirectory(prefix="synapse-check-") as folder:
            try:
                pack(self.folder, Path(folder, "release.zip"), allow_credentials=allow_credentials)
            except UsageError as error:
                self.problems.append(PluginProblem("", str(error)))

    def _explain_missing(self, module: str, entrypoint: str) -> None:
        """Report a package that isn't installed here, with the line to add."""
        package = _DISTRIBUTIONS.get(module, module)
        config = self.config
        installs = self._document.get("install") is True
        lines = list_requirements(config, self._read) if config is not None else ()
        is_listed = _normalize(package) in {_normalize(line) for line in lines}
        needs = f"{entrypoint.partition(':')[0]} needs {module!r}, which isn't installed here"
        if is_listed and installs:
            self.notes.append(f"{needs}; a runner installs {package} before the first job.")
            return
        has_file = "requirements.txt" in self.files and not self._document.get("requirements")
        place = "requirements.txt" if has_file else f"{self._source}: requirements"
        advice = [] if is_listed else [f"Add the line {package!r} to the requirements"]
        advice += [] if installs else [f"set `install: true` in {self._source}"]
        sentence = " and ".join(advice)
        self.problems.append(
            PluginProblem(place, f"{needs}. {sentence[:1].upper()}{sentence[1:]}.", False)
        )

    def _is_platforms(self, key: str) -> bool:
        """Return whether the platform's package runs the action, and note that."""
        if self.config is None:
            return False
        action = self.config.actions[key.split(".", 1)[1].rpartition(".")[0]]
        is_platforms = uses_platform_package(self.config, action, self._read)
        if is_platforms:
            self.notes.append(
                f"The platform's package runs the action {action.name!r}, so the entrypoint was "
                "not imported."
            )
        return is_platforms

    def _has_right_python(self) -> bool:
        """Return whether the code is meant for this Python, and note the contrary."""
        required = self.config.requires.python if self.config is not None else None
        if admits(required, platform.python_version()):
            return True
        note = f"The code requires Python {required}, so the modules were not checked by this one."
        if note not in self.notes:
            self.notes.append(note)
        return False

    def _add_key(self, key: str, reason: str, *, is_refusal: bool = True) -> None:
        path = f"{self._source}: {key}" if key else self._source
        self.problems.append(PluginProblem(path, reason, is_refusal))

    def _read(self, name: str) -> bytes | None:
        file = self.files.get(name)
        return None if file is None else file.path.read_bytes()


def _normalize(requirement: str) -> str:
    """Return the normalized name of a requirement's package."""
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""
