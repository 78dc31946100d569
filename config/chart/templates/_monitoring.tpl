{{/* A file of alerts or of the dashboard, with the address of your runbooks in place of that of nobody. */}}
{{- define "secrets-manager.monitoring" -}}
{{- $text := .root.Files.Get .file -}}
{{- with .root.Values.runbooks -}}
{{- $text = $text | replace "https://secrets-manager.example/docs/runbooks" . -}}
{{- end -}}
{{- $text -}}
{{- end -}}
