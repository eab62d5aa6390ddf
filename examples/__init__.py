"""Runnable examples; installed as `synapse.examples`."""
