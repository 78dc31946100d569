{{- define "secrets-manager.pod" -}}
serviceAccountName: {{ include "secrets-manager.account" . | quote }}
automountServiceAccountToken: true
enableServiceLinks: false
# The daemon exits within 10 s of SIGTERM, also if something hangs; the rest is for a busy node.
terminationGracePeriodSeconds: 30
securityContext:
  {{- with .Values.podSecurityContext }}
  {{- range $key, $value := . }}
  {{- if not (kindIs "invalid" $value) }}
  {{ $key }}: {{ int64 $value }}
  {{- end }}
  {{- end }}
  {{- end }}
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- include "secrets-manager.yaml" . | nindent 2 }}
{{- end }}
{{- include "secrets-manager.placement" . }}
containers:
  - {{- include "secrets-manager.container" . | nindent 4 }}
volumes:
  {{- include "secrets-manager.volumes" . | nindent 2 }}
{{- end -}}

{{- define "secrets-manager.placement" -}}
{{- if .Values.topologySpread.enabled }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ .Values.topologySpread.topologyKey | quote }}
    whenUnsatisfiable: {{ .Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "secrets-manager.selector" . | nindent 8 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ quote . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- include "secrets-manager.map" . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- include "secrets-manager.yaml" . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- include "secrets-manager.map" . | nindent 2 }}
{{- end }}
{{- with include "secrets-manager.given" .Values.extraPodSpec | fromJson }}
{{ include "secrets-manager.yaml" . }}
{{- end }}
{{- end -}}

{{- define "secrets-manager.container" -}}
name: secrets-manager
image: {{ include "secrets-manager.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
ports:
  - name: http
    containerPort: 8080
    protocol: TCP
  {{- if .Values.statusPage.enabled }}
  - name: status
    containerPort: 8082
    protocol: TCP
  {{- end }}
startupProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- with .Values.resources }}
resources:
  {{- include "secrets-manager.map" . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL
{{- with include "secrets-manager.env" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- include "secrets-manager.mounts" . | nindent 2 }}
{{- end -}}

{{- define "secrets-manager.env" -}}
{{- if .Values.statusPage.enabled -}}
- name: SECRETS_MANAGER_STATUS_ADDR
  value: {{ quote .Values.statusPage.address }}
{{ end -}}
{{- if .Values.vault.caConfigMap -}}
- name: VAULT_CACERT
  value: /etc/secrets-manager/vault-ca/ca.crt
{{ end -}}
{{- with .Values.vault.kubernetesAuth -}}
{{- if .enabled -}}
- name: SECRETS_MANAGER_VAULT__AUTH_METHOD
  value: kubernetes
- name: SECRETS_MANAGER_VAULT__KUBERNETES_ROLE
  value: {{ quote .role }}
- name: SECRETS_MANAGER_VAULT__KUBERNETES_TOKEN_FILE
  value: /var/run/secrets/vault/token
{{ end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{ list . | include "secrets-manager.yaml" }}
{{ end -}}
{{- end -}}
