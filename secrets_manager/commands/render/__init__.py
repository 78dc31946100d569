"""``secrets-manager render``: the Secrets that definitions in files would become."""
