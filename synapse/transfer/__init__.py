"""Files: getting their bytes to the server."""
