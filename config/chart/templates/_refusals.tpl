{{/* What the schema cannot refuse. Each text names the value and what to do; none of them shows a credential. */}}
{{- define "secrets-manager.refusals" -}}
{{- include "secrets-manager.checkBackends" . -}}
{{- include "secrets-manager.checkSaidTwice" . -}}
{{- include "secrets-manager.checkEnvironment" . -}}
{{- include "secrets-manager.checkVolumes" . -}}
{{- if and .Values.serviceAccount.annotations (not .Values.serviceAccount.create) -}}
{{- fail "serviceAccount.annotations: the account is not made here; annotate it where it is, or let serviceAccount.create be true" -}}
{{- end -}}
{{- end -}}

{{/* Kinds that there are, the name of the other backend, and no credential. */}}
{{- define "secrets-manager.checkBackends" -}}
{{- $known := concat (list "vault" "azure-kv") (.Values.plugins | default list) -}}
{{- $remedy := printf "is none of %s; name kinds that plug-ins of your image bring in plugins" (join ", " $known) -}}
{{- with get .Values.settings "backend" -}}
{{- if not (has . $known) }}{{ fail (printf "settings.backend: %q %s" . $remedy) }}{{ end -}}
{{- end -}}
{{- range $name := list "vault" "azure-kv" -}}
{{- include "secrets-manager.noCredentials" (dict "path" (printf "settings.%s" $name) "table" (get $.Values.settings $name | default dict)) -}}
{{- end -}}
{{- range $name, $table := get .Values.settings "backends" | default dict -}}
{{- if $table -}}
{{- if eq $name "default" -}}
{{- fail "settings.backends.default: this name belongs to the backend of settings.backend; choose another" -}}
{{- end -}}
{{- if not (has $table.kind $known) -}}
{{- fail (printf "settings.backends.%s.kind: %q %s" $name $table.kind $remedy) -}}
{{- end -}}
{{- include "secrets-manager.noCredentials" (dict "path" (printf "settings.backends.%s" $name) "table" $table) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A table of a backend, and those in it: values are stored with the release, and settings in a ConfigMap. */}}
{{- define "secrets-manager.noCredentials" -}}
{{- range $key, $value := .table -}}
{{- $path := printf "%s.%s" $.path $key -}}
{{- if kindIs "map" $value -}}
{{- include "secrets-manager.noCredentials" (dict "path" $path "table" $value) -}}
{{- else if include "secrets-manager.isCredential" (dict "name" $key "value" $value) -}}
{{- fail (printf "%s: holds a credential: take it from a Secret, with extraEnv or mountedSecrets" $path) -}}
{{- else if include "secrets-manager.hasPassword" (dict "name" $key "value" $value) -}}
{{- fail (printf "%s: holds a user or password: take the address from a Secret, with extraEnv" $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Not empty for a text of a name that says what is secret; plug-ins have keys that the chart cannot know. */}}
{{- define "secrets-manager.isCredential" -}}
{{- $words := "password|passphrase|secret|secret[-_]id|secret[-_]access[-_]key|token|(api|secret|private|account)[-_]key" -}}
{{- if and (kindIs "string" .value) .value (regexMatch (printf "(?i)(^|[-_])(%s)$" $words) .name) }}yes{{ end -}}
{{- end -}}

{{/* Not empty for an address with a user or password in it; that of a proxy may have no scheme. */}}
{{- define "secrets-manager.hasPassword" -}}
{{- $text := toString .value -}}
{{- $proxy := and (regexMatch "(?i)https?[-_]proxy$" .name) (contains "@" $text) -}}
{{- if or $proxy (regexMatch "[a-zA-Z][-+.a-zA-Z0-9]*://[^/?#\\s]*@" $text) }}yes{{ end -}}
{{- end -}}

{{/* The environment wins over settings, so what a value of the chart says must not stand in both. */}}
{{- define "secrets-manager.checkSaidTwice" -}}
{{- $vault := get .Values.settings "vault" | default dict -}}
{{- $login := list "auth-method" "kubernetes-role" "kubernetes-token-file" -}}
{{- range list
  (dict "on" .Values.vault.kubernetesAuth.enabled "by" "vault.kubernetesAuth" "in" "settings.vault" "table" $vault "keys" $login)
  (dict "on" .Values.vault.caConfigMap "by" "vault.caConfigMap" "in" "settings.vault" "table" $vault "keys" (list "ca-cert" "ca-path"))
  (dict "on" .Values.statusPage.enabled "by" "statusPage" "in" "settings" "table" .Values.settings "keys" (list "status-addr"))
-}}
{{- $said := . -}}
{{- range .keys -}}
{{- if and $said.on (get $said.table .) -}}
{{- fail (printf "%s.%s: %s says this, too; take one of the two away" $said.in . $said.by) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "secrets-manager.checkEnvironment" -}}
{{- $remedy := "take it from a Secret with valueFrom.secretKeyRef, since Helm stores and shows values" -}}
{{- range .Values.extraEnv -}}
{{- if regexMatch (include "secrets-manager.decidedNames" .) .name -}}
{{- fail (printf "extraEnv: %s may not be there, since rights, probes and rollouts follow from it; see namespaces and settings" .name) -}}
{{- end -}}
{{- $known := and (hasKey . "value") (regexMatch (include "secrets-manager.credentialNames" .) .name) -}}
{{- if or $known (include "secrets-manager.isCredential" .) -}}
{{- fail (printf "extraEnv: %s holds a credential: %s" .name $remedy) -}}
{{- end -}}
{{- if include "secrets-manager.hasPassword" . -}}
{{- fail (printf "extraEnv: %s holds a user or password: %s" .name $remedy) -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range include "secrets-manager.env" . | fromYamlArray -}}
{{- if has .name $names -}}
{{- fail (printf "extraEnv: %s is there twice, or another value of the chart sets it; take one of the two away" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}

{{/* The API server would say so, too, but only when half of the release is there. */}}
{{- define "secrets-manager.checkVolumes" -}}
{{- $remedy := "mountedSecrets makes FOLDER, serviceAccountTokens NAME-token, and extraVolumes what it says" -}}
{{- $names := list -}}
{{- range include "secrets-manager.volumes" . | fromYamlArray -}}
{{- if has .name $names }}{{ fail (printf "two volumes have the name %s: %s" .name $remedy) }}{{ end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $paths := list -}}
{{- range include "secrets-manager.mounts" . | fromYamlArray -}}
{{- if not (has .name $names) -}}
{{- fail (printf "extraVolumeMounts: there is no volume %s; make it in extraVolumes" .name) -}}
{{- end -}}
{{- if has (clean .mountPath) $paths -}}
{{- fail (printf "extraVolumeMounts: something is mounted at %s already; choose another place" .mountPath) -}}
{{- end -}}
{{- $paths = append $paths (clean .mountPath) -}}
{{- end -}}
{{- end -}}
