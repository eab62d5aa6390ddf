"""Upload and download many files at once."""
