"""The SDK under the name that older scripts import. New code imports `synapse`."""

from synapse._version import __version__

__all__ = ["__version__"]
