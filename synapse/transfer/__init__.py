"""Move the bytes of files to the server and back; see README.md for a picture."""
