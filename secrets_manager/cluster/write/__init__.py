"""Writers to the cluster: Secrets, statuses and Events."""
