"""Bridges to other libraries, one module for each."""
