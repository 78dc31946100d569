"""Where values come from: one file or folder per backend behind one protocol (``base``).

Backends never import each other, and know neither Kubernetes nor the sync engine.
"""
