"""HashiCorp's Vault Secrets Operator: `secrets.hashicorp.com/v1beta1`.

Its types are those of api/v1beta1 in its repository, hashicorp/vault-secrets-operator. What it does with them
is in common/common.go (which object a reference means, and who may use it), helpers/secrets.go (the Secret),
helpers/template.go (templates and filters), vault/requests.go (the path) and credentials/vault (logins).
"""
