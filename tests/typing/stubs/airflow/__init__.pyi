"""What the gallery uses of Airflow, which the tests do without."""
