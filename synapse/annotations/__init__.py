"""Annotations as typed values."""
