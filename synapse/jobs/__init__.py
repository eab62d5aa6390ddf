"""Run the jobs of plugins, in processes of this machine or on a Ray cluster."""
