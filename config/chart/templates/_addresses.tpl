{{/*
Addresses whose port the NetworkPolicy does not open, as JSON: where each is said, and its port. Only for the notes,
since a policy counts the port of the pods behind a Service, which the address does not say.
*/}}
{{- define "secrets-manager.closedPorts" -}}
{{- $closed := dict -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.extraEgress) -}}
{{- $open := list -}}
{{- range .Values.networkPolicy.egressPorts }}{{ $open = append $open (int64 . | toString) }}{{ end -}}
{{- range $where, $address := include "secrets-manager.addresses" . | fromJson -}}
{{- $port := regexFind "^([a-z]+://)?(\\[[^]]*\\]|[^]/?#:[]*):[0-9]+" $address | regexFind "[0-9]+$" -}}
{{- $port = $port | default (hasPrefix "http:" $address | ternary "80" "443") -}}
{{- if not (has $port $open) }}{{ $_ := set $closed $where $port }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toJson $closed -}}
{{- end -}}

{{/* The addresses of the backends and of proxies, by where they are said. */}}
{{- define "secrets-manager.addresses" -}}
{{- $tables := dict "settings.vault" (get .Values.settings "vault") "settings.azure-kv" (get .Values.settings "azure-kv") -}}
{{- range $name, $table := get .Values.settings "backends" | default dict -}}
{{- $_ := set $tables (printf "settings.backends.%s" $name) $table -}}
{{- end -}}
{{- $found := dict -}}
{{- range $name, $table := $tables -}}
{{- range $key, $value := $table | default dict -}}
{{- if and (kindIs "string" $value) (has $key (list "url" "http-proxy" "https-proxy")) -}}
{{- $_ := set $found (printf "%s.%s" $name $key) $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if and .value (regexMatch "(?i)(^|_)(https?_proxy|url|addr)$" .name) }}{{ $_ := set $found (printf "extraEnv: %s" .name) .value }}{{ end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
