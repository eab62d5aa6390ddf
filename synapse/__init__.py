"""Typed Python objects for the Synapse platform."""

from synapse._version import __version__

__all__ = ["__version__"]
