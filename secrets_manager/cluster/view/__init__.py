"""The cluster as it was last seen: informers, and the stores that they keep."""
