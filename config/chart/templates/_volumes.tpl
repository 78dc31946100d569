{{/* Existing Secrets that become folders. A login with the pod's account needs no ids for AppRole. */}}
{{- define "secrets-manager.mountedSecrets" -}}
{{- $mounted := .Values.mountedSecrets | default dict -}}
{{- if .Values.vault.kubernetesAuth.enabled }}{{ $mounted = omit $mounted "credentials" }}{{ end -}}
{{- toJson $mounted -}}
{{- end -}}

{{/* Tokens of the account for others than the API server. */}}
{{- define "secrets-manager.tokens" -}}
{{- $tokens := deepCopy (.Values.serviceAccountTokens | default dict) -}}
{{- with .Values.vault.kubernetesAuth -}}
{{- if .enabled -}}
{{- if get $tokens "vault" -}}
{{- fail "serviceAccountTokens.vault: vault.kubernetesAuth makes the token of that name; choose another" -}}
{{- end -}}
{{- $_ := set $tokens "vault" (pick . "audience" "expirationSeconds") -}}
{{- end -}}
{{- end -}}
{{- toJson $tokens -}}
{{- end -}}

{{- define "secrets-manager.mounts" -}}
- name: settings
  mountPath: /etc/secrets-manager/settings.toml
  subPath: settings.toml
  readOnly: true
{{- range $name, $secret := include "secrets-manager.mountedSecrets" . | fromJson }}
{{- if $secret }}
- name: {{ $name | quote }}
  mountPath: /etc/secrets-manager/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}
{{- range $name, $token := include "secrets-manager.tokens" . | fromJson }}
{{- if $token }}
- name: {{ $name }}-token
  mountPath: /var/run/secrets/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}
{{- if .Values.vault.caConfigMap }}
- name: vault-ca
  mountPath: /etc/secrets-manager/vault-ca
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ include "secrets-manager.yaml" . }}
{{- end }}
{{- end -}}

{{- define "secrets-manager.volumes" -}}
- name: settings
  configMap:
    name: {{ include "secrets-manager.settingsName" . | quote }}
    defaultMode: 0444
# Optional, so that the daemon starts before its credentials exist and logs in as soon as they do. Mounted as a
# folder, never with subPath: only a folder follows a change of the Secret.
{{- range $name, $secret := include "secrets-manager.mountedSecrets" . | fromJson }}
{{- if $secret }}
- name: {{ $name | quote }}
  secret:
    secretName: {{ $secret.secretName | quote }}
    optional: true
    defaultMode: 0400
    {{- with $secret.keys }}
    items:
      {{- range . }}
      - key: {{ quote . }}
        path: {{ quote . }}
      {{- end }}
    {{- end }}
{{- end }}
{{- end }}
{{- range $name, $token := include "secrets-manager.tokens" . | fromJson }}
{{- if $token }}
# This token is for one audience only: the API server does not accept it. The kubelet renews it in time.
- name: {{ $name }}-token
  projected:
    defaultMode: 0400
    sources:
      - serviceAccountToken:
          audience: {{ $token.audience | quote }}
          expirationSeconds: {{ $token.expirationSeconds | default 3600 | int64 }}
          path: token
{{- end }}
{{- end }}
{{- with .Values.vault.caConfigMap }}
- name: vault-ca
  configMap:
    name: {{ quote . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ include "secrets-manager.yaml" . }}
{{- end }}
{{- end -}}
