# What the daemon needs to read for the samples, and nothing else. Write one rule for each tree of paths that your
# definitions use: an author of SecretDefinitions can read, through the daemon, everything that this policy allows.
#
#   vault policy write secrets-manager samples/vault-policy.hcl
#
# The right to look up and renew its own token comes with Vault's `default` policy; keep that one on the role.

# KV version 2: the `data` segment is part of the path.
path "secret/data/shop/*" {
  capabilities = ["read"]
}

# KV version 1.
path "legacy/shop/*" {
  capabilities = ["read"]
}
