module secrets-manager.tuenti.io/prometheus-operator

go 1.26.0

// For its CRDs alone: nothing of it is built.
require github.com/prometheus-operator/prometheus-operator v0.94.0
