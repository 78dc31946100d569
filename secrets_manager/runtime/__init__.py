"""Clocks, threads and sockets, which the cluster client and the backends share.

This package must not know Kubernetes, Vault or any setting of the daemon; it knows time and how to bound it.
"""
