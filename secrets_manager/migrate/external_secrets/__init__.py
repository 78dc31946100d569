"""External Secrets Operator: `external-secrets.io` in the versions v1, v1beta1 and v1alpha1.

Its types are those of apis/externalsecrets in its repository; what it does with them is in
pkg/controllers/externalsecret, pkg/template and the packages of its providers for Vault and Azure Key Vault.
"""
