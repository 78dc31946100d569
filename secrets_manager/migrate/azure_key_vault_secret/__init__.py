"""akv2k8s (Azure Key Vault to Kubernetes): `spv.no` in the versions v2beta1, v2alpha1 and v1.

Its types are those of pkg/k8s/apis/azurekeyvault in its repository; what it writes for each type of object is
in cmd/azure-keyvault-controller/controller/secret_handler.go, and how several objects make one Secret in
secret.go beside it; certificates are taken apart in pkg/azure/keyvault/client:

- A secret is transformed, then written under `dataKey`, or as the type of the Secret wants it: a user and a
  password apart at the colon, a file of Docker, a key of SSH, or a PFX taken apart.
- A certificate is its PFX or PEM for the type Opaque, the chain and the private key for kubernetes.io/tls,
  and the bare certificate in PEM for any other, none included.
- A key is its modulus. The members of a multi-key-value-secret are the keys of the Secret.
- Objects that name one Secret are merged if that is Opaque; its labels and annotations are those of the
  object that wrote last.
"""
