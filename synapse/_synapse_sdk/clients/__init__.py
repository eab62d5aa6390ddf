"""The clients: the same objects as in `synapse.clients`."""
