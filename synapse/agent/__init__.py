"""The agent: a service that runs jobs for the platform on a machine or a cluster."""
