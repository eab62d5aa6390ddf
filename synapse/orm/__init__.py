"""The object layer: resources, fields, relations, managers and queries."""
