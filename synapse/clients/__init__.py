"""The compatibility namespace: clients whose methods take and return plain dicts and lists.

Older scripts run unchanged on these clients. `client.session` is the object layer over the same
connection, so that a script can move over one call at a time.
"""
