{{/*
The name of all objects in the release's own namespace, another one for each release, and for each alias in a chart
around this one. One that a Service cannot have, or that is too long for what is added to it, becomes a name with a
hash.
*/}}
{{- define "secrets-manager.name" -}}
{{- $usual := and (eq .Release.Name "secrets-manager") (eq .Chart.Name "secrets-manager") | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) -}}
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
app.kubernetes.io/instance: {{ include "secrets-manager.instance" . | quote }}
{{- end -}}

{{/* Whose pods they are: the release, which has no _ in its name, and its alias in a chart around this one. */}}
{{- define "secrets-manager.instance" -}}
{{- $instance := eq .Chart.Name "secrets-manager" | ternary .Release.Name (printf "%s_%s" .Release.Name .Chart.Name) -}}
{{- gt (len $instance) 63 | ternary (sha256sum $instance | trunc 63) $instance -}}
{{- end -}}

{{/* A version, or what ends in one, as the value of a label. */}}
{{- define "secrets-manager.label" -}}
{{- . | replace "+" "_" | trunc 63 | trimAll "-._" -}}
{{- end -}}

{{/* Labels of an object; its component is `daemon`, or what `component` says. */}}
{{- define "secrets-manager.labels" -}}
{{- $root := .root | default . -}}
{{- $own := dict
  "app.kubernetes.io/name" "secrets-manager"
  "app.kubernetes.io/component" (.component | default "daemon")
  "app.kubernetes.io/instance" (include "secrets-manager.instance" $root)
  "app.kubernetes.io/version" (include "secrets-manager.label" $root.Chart.AppVersion)
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | include "secrets-manager.label")
-}}
{{- mergeOverwrite dict ($root.Values.commonLabels | default dict) (.more | default dict) $own | include "secrets-manager.map" -}}
{{- end -}}

{{/* A map of the values as YAML, without what is null: Helm itself takes only defaults of the chart away. */}}
{{- define "secrets-manager.map" -}}
{{- include "secrets-manager.given" . | fromJson | include "secrets-manager.yaml" -}}
{{- end -}}

{{- define "secrets-manager.given" -}}
{{- $given := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "map" $value -}}
{{- $_ := set $given $key (include "secrets-manager.given" $value | fromJson) -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $given $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $given -}}
{{- end -}}

{{/* As toYaml, which gives an empty text, without a word, for what YAML cannot carry. */}}
{{- define "secrets-manager.yaml" -}}
{{- $text := toYaml . -}}
{{- if not $text }}{{ fail "a text of the values holds a control character; control characters are not allowed there" }}{{ end -}}
{{- $text -}}
{{- end -}}
