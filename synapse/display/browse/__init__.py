"""The widget of `query.browse()`: look at objects one by one, and correct them by keys."""
