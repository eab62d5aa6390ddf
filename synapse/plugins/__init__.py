"""Plugins, as those who write them see them: their configuration, packing, and running code."""
