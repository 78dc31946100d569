"""The wiring: configuration, logs, metrics, jobs, and the process itself. May import every layer below."""
