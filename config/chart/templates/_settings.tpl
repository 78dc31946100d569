{{/* The whole of settings.toml: the values, and what follows from others of them. */}}
{{- define "secrets-manager.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- if .Values.namespaces -}}
{{- $_ := set $settings "watch-namespaces" .Values.namespaces -}}
{{- end -}}
{{- $lease := include "secrets-manager.lease" . -}}
{{- if and (include "secrets-manager.elects" .) (ne $lease "5ac9a181.secrets-manager.tuenti.io") -}}
{{- $_ := set $settings "election" (mergeOverwrite dict (get $settings "election" | default dict) (dict "lease-name" $lease)) -}}
{{- end -}}
{{- include "secrets-manager.tomlTable" (dict "path" "" "table" $settings) -}}
{{- end -}}

{{/* Not empty if replicas elect a leader. */}}
{{- define "secrets-manager.elects" -}}
{{- if get .Values.settings "enable-leader-election" }}yes{{ end -}}
{{- end -}}

{{/* The Lease: that of the Go version for the plain name, and one for each other release of a namespace. */}}
{{- define "secrets-manager.lease" -}}
{{- $name := include "secrets-manager.name" . -}}
{{- $usual := eq $name "secrets-manager" | ternary "5ac9a181" $name -}}
{{- get (get .Values.settings "election" | default dict) "lease-name" | default (printf "%s.secrets-manager.tuenti.io" $usual) -}}
{{- end -}}

{{/*
How long a new pod runs before an old one is ended: longer than a replica needs until it trusts the next
hand-over, which is election.lease-duration and twice election.retry-period.
*/}}
{{- define "secrets-manager.minReadySeconds" -}}
{{- $election := get .Values.settings "election" | default dict -}}
{{- $lease := get $election "lease-duration" | default "15s" -}}
{{- $retry := get $election "retry-period" | default "2s" -}}
{{- $start := toDate "2006" "2000" -}}
{{- $end := $start | mustDateModify $lease | mustDateModify $retry | mustDateModify $retry -}}
{{- sub (unixEpoch $end | int64) (unixEpoch $start | int64) | add 1 | max 20 -}}
{{- end -}}

{{/* A table of TOML: first what stands in it, then the tables below it. A key without a value is left out. */}}
{{- define "secrets-manager.tomlTable" -}}
{{- range $key, $value := .table -}}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) -}}
{{ include "secrets-manager.tomlKey" $key }} = {{ include "secrets-manager.tomlValue" $value }}
{{ end -}}
{{- end -}}
{{- $path := .path -}}
{{- range $key, $value := .table -}}
{{- if kindIs "map" $value -}}
{{- $name := printf "%s%s" $path (include "secrets-manager.tomlKey" $key) }}
[{{ $name }}]
{{ include "secrets-manager.tomlTable" (dict "path" (printf "%s." $name) "table" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "secrets-manager.tomlKey" -}}
{{- regexMatch "^[A-Za-z0-9_-]+$" . | ternary . (include "secrets-manager.tomlValue" .) -}}
{{- end -}}

{{/*
A value of TOML. A text of JSON is one of TOML, except that TOML does not let 0x7f stand as it is; and YAML, in
which the file arrives, would read 0x85 as a line break. Helm reads each number as a float, and loses digits of a
large one without a word.
*/}}
{{- define "secrets-manager.tomlValue" -}}
{{- if kindIs "string" . -}}
{{- toJson . | replace "\x7f" "\\u007f" | replace "\u0085" "\\u0085" -}}
{{- else if kindIs "bool" . -}}
{{- . -}}
{{- else if kindIs "slice" . -}}
{{- $items := list -}}
{{- range . }}{{ $items = append $items (include "secrets-manager.tomlValue" .) }}{{ end -}}
[{{ join ", " $items }}]
{{- else if kindIs "map" . -}}
{{- $items := list -}}
{{- range $key, $value := . -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $items = append $items (printf "%s = %s" (include "secrets-manager.tomlKey" $key) (include "secrets-manager.tomlValue" $value)) -}}
{{- end -}}
{{- end -}}
{ {{- join ", " $items -}} }
{{- else if kindIs "invalid" . -}}
{{- fail "settings: null stands in a list; take it out" -}}
{{- else if or (gt (float64 .) 9007199254740991.0) (lt (float64 .) -9007199254740991.0) -}}
{{- fail (printf "settings: %s has more digits than Helm keeps of a number; give fewer" (toJson .)) -}}
{{- else if eq (float64 .) (floor .) -}}
{{- int64 . -}}
{{- else -}}
{{- toJson . -}}
{{- end -}}
{{- end -}}

{{- define "secrets-manager.settingsName" -}}
{{ include "secrets-manager.name" . }}-settings-{{ include "secrets-manager.settings" . | sha256sum | trunc 10 }}
{{- end -}}
