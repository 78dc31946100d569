"""The port for metrics and probes."""
