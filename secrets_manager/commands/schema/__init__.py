"""What the API server would say of a SecretDefinition, without an API server.

The schema is that of the CRD of this release, which is part of the package. Its rules in CEL stand beside it
in Python, and tests compare both with a real API server.
"""
