"""Values and decisions: no I/O, no clock, no thread, no log.

Everything here is built from standard-library values, so that each decision the daemon takes can be
tested by calling one function. It must not know Vault, Azure, Kubernetes' wire format or the daemon.
"""
