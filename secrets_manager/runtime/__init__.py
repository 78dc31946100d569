"""Clocks, threads and sockets: what the cluster and the backends share and neither owns.

It must not know Kubernetes, Vault or any setting of the daemon; it knows time and how to bound it.
"""
