"""``secrets-manager doctor``: what stands in the way of the daemon, and what to do about it."""
