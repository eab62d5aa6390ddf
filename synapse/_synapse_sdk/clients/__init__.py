"""The clients; see `synapse.clients`."""
