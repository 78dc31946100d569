"""Files of manifests: which there are, the documents in them, and the SecretDefinitions in those.

The YAML is read as kubectl reads it, and each value knows its line. Whatever a file holds, reading it takes
no more time and memory than its size allows.
"""
