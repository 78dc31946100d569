"""Restarts of workloads for changes of their Secrets: what is still to do, and the batches that do it."""
