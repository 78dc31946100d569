"""``secrets-manager migrate``: from another operator's objects to definitions, settings and policy."""
