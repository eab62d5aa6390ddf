"""The SDK under the name that older scripts import; see `synapse`."""

from synapse._version import __version__

__all__ = ["__version__"]
