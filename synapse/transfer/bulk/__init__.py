"""Transfer of many files at once: from a source into a collection, and back into a folder."""
