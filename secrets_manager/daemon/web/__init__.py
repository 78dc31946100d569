"""The ports for metrics and probes, and for the status page."""
