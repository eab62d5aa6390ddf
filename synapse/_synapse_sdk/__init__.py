"""The SDK under the name that older scripts import. New code imports `synapse`."""

from pathlib import Path

from synapse._internal.installation import warn_about_mixed_files
from synapse._version import __version__

__all__ = ["__version__"]

warn_about_mixed_files(Path(__file__).parent)
