"""Pictures, cards and tables of objects for notebooks. Imported when something is displayed."""
