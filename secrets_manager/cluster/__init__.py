"""Kubernetes: the API server's wire format, informers and writers. It knows no backend.

``base`` is the port; ``client`` speaks to a real API server and ``memory`` is the fake that is shipped for
tests. ``view``, ``lead`` and ``write`` are built on the port and run the same on both.
"""
