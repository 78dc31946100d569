"""Kubernetes: the API server's wire format, informers and writers. It knows no backend.

``base`` is the port; ``api`` speaks to a real API server and ``memory`` is the fake that is shipped for
tests. Everything else here is built on the port and runs the same on both.
"""
