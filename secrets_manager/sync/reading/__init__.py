"""Reads of the backends: shared, bounded, and kept apart where a part is sick."""
