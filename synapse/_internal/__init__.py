"""Helpers that every layer may use and nobody outside imports."""
