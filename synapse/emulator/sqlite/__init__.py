"""Django's SQLite backend, with an order among the writers of a process."""
