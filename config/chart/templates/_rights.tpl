{{- define "secrets-manager.subject" -}}
- kind: ServiceAccount
  name: {{ include "secrets-manager.account" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end -}}

{{- define "secrets-manager.rules" -}}
# The objects it acts on. `update` only takes the finalizer of older releases off an object that is being deleted.
- apiGroups: [secrets-manager.tuenti.io]
  resources: [secretdefinitions]
  verbs: [get, list, watch, update]
- apiGroups: [secrets-manager.tuenti.io]
  resources: [secretdefinitions/status]
  verbs: [update]
# The objects it writes.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, {{ if .Values.rights.listSecrets }}list, watch, {{ end }}create, update, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- if .Values.rights.restart }}
# The workloads that it restarts. RBAC cannot grant less than `patch` on the whole workload.
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get, list, patch]
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, patch]
{{- end }}
{{- end -}}
