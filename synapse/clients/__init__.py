"""The compatibility namespace: clients whose methods take and answer plain dicts and lists.

Scripts that were written against them run unchanged; `client.session` is the object layer over the
same connection, for moving a script over one call at a time.
"""
