"""argocd-vault-plugin: placeholders in manifests, which Argo CD fills in before it applies them.

What a placeholder is, and what is done with it, is in pkg/kube (util.go, template.go, modifiers.go) of its
repository; the names of its annotations are in pkg/types/constants.go, and how it reads Vault is in
pkg/backends/vault.go:

- `<path:PATH#KEY#VERSION>` is one anywhere, `<KEY>` only in an object whose annotation names its path.
- Each text of the object is looked at, names of fields are not. In a Secret, a text that is base64 of a text
  with placeholders is taken apart, filled in, and encoded again.
- What Vault has is written as it is: in `data` it has to be base64 already, or the modifier base64encode
  makes it so.
- A value that is no text takes the place of the whole text, and the API server refuses it in a Secret.
"""
