{{/*
A text of config/prometheus or config/grafana that looks for this release: the names there are those of
config/default.
*/}}
{{- define "secrets-manager.renamed" -}}
{{- $name := include "secrets-manager.name" .root -}}
{{- $namespace := .root.Release.Namespace -}}
{{- .text
  | replace "job=\"secrets-manager-metrics\"" (printf "job=\"%s-metrics\"" $name)
  | replace "deployment=\"secrets-manager\"" (printf "deployment=\"%s\"" $name)
  | replace "namespace=\"secrets-manager\"" (printf "namespace=\"%s\"" $namespace)
  | replace "namespace secrets-manager" (printf "namespace %s" $namespace)
-}}
{{- end -}}
