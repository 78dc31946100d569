"""Kills, stops and cuts off replicas while values change, and watches every state of the Secrets.

A tool of this repository, run by `make chaos` and, in a short form, by the tests; `chaos.soak` is its sibling
for faults of the servers. It sees the daemon from outside only: processes, signals, the API server and
OpenBao.
"""
