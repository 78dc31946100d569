"""The Vault Secrets Operator of Rico Berger: VaultSecret of `ricoberger.de/v1alpha1`.

Its type is that of api/v1alpha1 in its repository, ricoberger/vault-secrets-operator. What it does with one
is in internal/controller/vaultsecret_controller.go (the Secret, templates) and in internal/vault/client.go
(the path, the version of the engine, the values).
"""
