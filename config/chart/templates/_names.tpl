{{/*
The name of all objects in the release's own namespace, another one for each release. One that a Service cannot
have, or that is too long for what is added to it, becomes a name with a hash.
*/}}
{{- define "secrets-manager.name" -}}
{{- $usual := eq .Release.Name "secrets-manager" | ternary .Release.Name (printf "%s-secrets-manager" .Release.Name) -}}
{{- $plain := .Values.fullnameOverride | default $usual -}}
{{- if regexMatch "^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$" $plain -}}
{{- $plain -}}
{{- else -}}
secrets-manager-{{ sha256sum $plain | trunc 12 }}
{{- end -}}
{{- end -}}

{{/*
The name of objects of the whole cluster, and of those in namespaces of others: it has the release's namespace.
No namespace has a dot, so it is that of one release only.
*/}}
{{- define "secrets-manager.clusterName" -}}
{{- $name := include "secrets-manager.name" . -}}
{{- eq $name .Release.Namespace | ternary $name (printf "%s.%s" .Release.Namespace $name) -}}
{{- end -}}

{{- define "secrets-manager.account" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "secrets-manager.name" .) -}}
{{- else -}}
{{- required "serviceAccount.name: name the account that is there, or let serviceAccount.create be true" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "secrets-manager.image" -}}
{{- with .Values.image -}}
{{- .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of this release. */}}
{{- define "secrets-manager.selector" -}}
app.kubernetes.io/name: secrets-manager
app.kubernetes.io/component: daemon
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels of an object; its component is `daemon`, or what `component` says. */}}
{{- define "secrets-manager.labels" -}}
{{- $root := .root | default . -}}
{{- $own := dict
  "app.kubernetes.io/name" "secrets-manager"
  "app.kubernetes.io/component" (.component | default "daemon")
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")
-}}
{{- mergeOverwrite dict ($root.Values.commonLabels | default dict) (.more | default dict) $own | include "secrets-manager.yaml" -}}
{{- end -}}

{{/* As toYaml, which gives an empty text, without a word, for what YAML cannot carry. */}}
{{- define "secrets-manager.yaml" -}}
{{- $text := toYaml . -}}
{{- if not $text }}{{ fail "a text of the values holds a control character; control characters are not allowed there" }}{{ end -}}
{{- $text -}}
{{- end -}}
