"""``secrets-manager diff``: what a sync would change in the cluster, by names."""
