"""Makes what the Helm chart repeats of other files: its schema, its copies, the table of its values.

`scripts/chart` writes them, and a test compares. It reads the option table of the program, and nothing of
what runs.
"""
