"""Templates such as people have them in External Secrets, by what they make."""

from __future__ import annotations

from hypothesis import strategies as st

_NAMES = (
    "ca caBundle cert config database email enabled env host hosts json key level name password port region"
    " registry replicas token url user username db-password tls.crt"
)
NAMES = tuple(_NAMES.split())

REAL = {
    "field": "{{ .password }}",
    "spaceless field": "{{.password}}",
    "field as text": "{{ .password | toString }}",
    "key with a dash": '{{ index . "db-password" }}',
    "key with a point": '{{ (index . "tls.crt") }}\n',
    "postgres url": (
        "postgres://{{ .user }}:{{ .password }}@{{ .host }}:{{ .port }}/{{ .database }}?sslmode=require"
    ),
    "postgres url, escaped": (
        "postgresql://{{ .user | urlquery }}:{{ .password | urlquery }}@{{ .host }}:5432/app"
    ),
    "mysql dsn": "{{ .user }}:{{ .password }}@tcp({{ .host }}:3306)/{{ .database }}?parseTime=true",
    "mongodb url": (
        'mongodb+srv://{{ .user }}:{{ .password | urlquery }}@{{ .host | trimSuffix "/" }}/?retryWrites=true'
    ),
    "redis url": "redis://:{{ .password | toString | urlquery }}@{{ .host }}:6379/0",
    "amqp url": 'amqp://{{ .username }}:{{ .password }}@{{ .host }}:{{ .port | default "5672" }}/',
    "jdbc url": "jdbc:sqlserver://{{ .host }};user={{ .user }};password={{ .password }};encrypt=true",
    "url by printf": '{{ printf "https://%s:%s@%s" .user .password .host }}',
    "basic auth": '{{ printf "%s:%s" .username .password | b64enc }}',
    "auth header": 'Authorization: Basic {{ list .username .password | join ":" | b64enc }}',
    "pull secret by hand": (
        '{"auths":{"{{ .registry }}":{"username":"{{ .username }}","password":"{{ .password }}",'
        '"auth":"{{ printf "%s:%s" .username .password | b64enc }}"}}}'
    ),
    "pull secret in lines": (
        '{\n  "auths": {\n    "{{ .registry }}": {\n      "auth": "{{ (printf "%s:%s"'
        ' .username .password) | b64enc }}"\n'
        "    }\n  }\n}\n"
    ),
    "pull secret by dict": (
        '{{ dict "auths" (dict "ghcr.io" (dict "username" .username "password" .password'
        ' "auth" (printf "%s:%s" .username .password | b64enc))) | toJson }}'
    ),
    "pull secret with variables": (
        '{{- $user := .username -}}{{- $pass := .password -}}\n{"auths":{"quay.io":{"auth":'
        '{{ printf "%s:%s" $user $pass | b64enc | quote }}}}}'
    ),
    "decoded key": "{{ .key | b64dec }}",
    "decoded and encoded": "{{ .key | b64dec | b64enc }}",
    "pgpass": "{{ .host }}:{{ .port }}:*:{{ .user }}:{{ .password }}\n",
    "netrc": "machine {{ .host }}\n  login {{ .username }}\n  password {{ .password }}\n",
    "my.cnf": "[client]\nuser={{ .user }}\npassword={{ .password | quote }}\nhost={{ .host }}\n",
    "aws credentials": (
        "[default]\naws_access_key_id = {{ .user }}\naws_secret_access_key = {{ .password }}\n"
        "{{- if .region }}\nregion = {{ .region }}\n{{- end }}\n"
    ),
    "ini with default": (
        '[smtp]\nhost={{ .host }}\nport={{ .port | default 25 }}\nuser={{ default "none" .user }}\n'
    ),
    "env file": (
        'DB_USER={{ .user }}\nDB_PASS={{ .password | squote }}\n{{ if eq .enabled "true" }}DEBUG=1{{ end }}\n'
    ),
    "env file of all": "{{ range $k, $v := . }}{{ $k | upper }}={{ $v | quote }}\n{{ end }}",
    "all as json": "{{ . | toJson }}",
    "all as pretty json": "{{ . | toPrettyJson }}",
    "all as lines": (
        '{{- range $key, $value := . -}}\nexport {{ $key | replace "-" "_" }}={{ $value'
        " | squote }}\n{{- end }}"
    ),
    "json file": '{"user": {{ .user | toJson }}, "password": {{ .password | toJson }}, "port": {{ .port }}}',
    "json file with raw json": '{"password": {{ toRawJson .password }}}',
    "yaml file": "database:\n  user: {{ .user | quote }}\n  password: {{ .password | squote }}\n",
    "yaml block": "ca: |\n{{ .ca | indent 2 }}\ncert: |{{ .cert | nindent 2 }}\n",
    "yaml block, trimmed": "ca: |-\n  {{- .ca | trim | nindent 2 }}\n",
    "kubeconfig": (
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {{ .ca | b64enc }}\n"
        "    server: {{ .url }}\nusers:\n- user:\n    token: {{ .token }}\n"
    ),
    "argo cd cluster": (
        '{"bearerToken":"{{ .token }}","tlsClientConfig":{"insecure":false,"caData":"{{ .ca }}"}}'
    ),
    "argo cd name": "{{ .name | lower }}-{{ .env }}",
    "hosts one by one": '{{ range splitList "," .hosts }}- {{ . | trim }}\n{{ end }}',
    "hosts with commas": (
        '{{ range $i, $h := splitList "," .hosts }}{{ if $i }};{{ end }}{{ $h }}:{{ $.port }}{{ end }}'
    ),
    "hosts until one": (
        '{{ range splitList "," .hosts }}{{ if eq . "b" }}{{ break }}{{ end }}{{ . }}{{ end }}'
    ),
    "hosts without one": (
        '{{- range splitList "," .hosts -}}{{- if eq . "b" }}{{ continue }}{{ end -}}[{{ . }}]{{- end -}}'
    ),
    "first host": '{{ (split "," .hosts)._0 }}',
    "last host": '{{ splitList "," .hosts | last }}',
    "joined hosts": '{{ splitList "," .hosts | join " " }}',
    "sorted hosts": '{{ splitList "," .hosts | sortAlpha | join "," }}',
    "if and else": "{{ if .enabled }}on{{ else }}off{{ end }}",
    "if not": "{{ if not .enabled }}off{{ end }}",
    "if else if": (
        '{{- if eq .env "prod" }}warn{{ else if or (eq .env "dev") (eq .env "test")'
        " }}debug{{ else }}info{{ end -}}"
    ),
    "if and": "{{ if and .user .password }}{{ .user }}:{{ .password }}{{ end }}",
    "if has prefix": '{{ if hasPrefix "https://" .url }}{{ .url }}{{ else }}https://{{ .url }}{{ end }}',
    "if contains": '{{ if contains "@" .email }}{{ .email }}{{ else }}{{ .email }}@example.com{{ end }}',
    "with": "{{ with .region }}region: {{ . }}{{ end }}",
    "with else": "{{ with .region }}{{ . | upper }}{{ else }}EU{{ end }}",
    "with variable": "{{ with $r := .region | lower }}{{ $r }}{{ end }}",
    "variable that is changed": (
        '{{ $l := "info" }}{{ if eq .enabled "true" }}{{ $l = "debug" }}{{ end }}{{ $l }}'
    ),
    "optional key": '{{ index . "region" | default "eu-west-1" }}',
    "ternary": '{{ ternary "on" "off" (eq .enabled "true") }}',
    "coalesce": '{{ coalesce .region .env "none" }}',
    "checksum": "{{ .config | sha256sum }}",
    "short checksum": "{{ .config | sha256sum | trunc 8 }}",
    "short name": '{{ .name | trunc 5 | trimSuffix "-" }}',
    "comment": "{{/* the user */}}{{ .user }}{{- /* no more */ -}}  ",
    "trim markers": 'a \n {{- .user -}} \n b {{- "" }} c',
    "text that looks like ours": "{% raw %}{{ `{{ .Values.x }}` }}{# no #} {{ .user }}",
    "braces around": "{{{{ .user }}}}".replace("{{{{", "{ {{").replace("}}}}", "}} }"),
    "helm's own": '{{ "{{ .Release.Name }}" }}-{{ .name }}',
    "json key": "{{ (fromJson .json).user }}",
    "json key by pipe": '{{ (.json | fromJson).db.host }}:{{ index (fromJson .json) "user" }}',
    "json list": "{{ range (fromJson .json).hosts }}{{ . }};{{ end }}",
    "json map": "{{ range $k, $v := (fromJson .json).db }}{{ $k }}={{ $v }}\n{{ end }}",
    "json key with default": '{{ index (fromJson .json) "nothing" | default "x" }}',
    "properties": "spring.datasource.password={{ .password }}\nspring.datasource.url=jdbc:h2:{{ .url }}\n",
    "upper and lower": "{{ upper .name }}{{ lower .name }}",
    "quoted by %q": '{{ printf "%q" .password }}',
    "number": "{{ if gt (len .name) 3 }}long{{ else }}{{ len .name }}{{ end }}",
    "numbers": "{{ range $i := until 3 }}{{ $i }}{{ add $i 1 }}{{ end }}",
    "map in its order": '{{ range $k, $v := dict "b" .user "a" .host }}{{ $k }}={{ $v }};{{ end }}',
    "literal": '{{ "a\\tb" }}{{ 5 }}{{ true }}{{ 1.5 }}',
}

_TEXT = st.text(st.sampled_from(list("aB1-,./:@<>&'\"\\ \n%{}é\u00dfx$`")), max_size=10)
_SHAPED = st.sampled_from(
    [
        "",
        "shop",
        "p/w&1 %+<x>",
        "a,b,c",
        "eA==",
        "true",
        "5432",
        "PEM\nline\n",
        "https://x",
        "prod",
        "5",
        "{{ x }}",
    ]
)
_JSON = st.sampled_from(
    [
        '{"user":"u","db":{"host":"h","port":"1"},"hosts":["a","b"]}',
        '{"user":"<&>","db":{"host":""},"hosts":[]}',
    ]
)
VALUES = st.fixed_dictionaries({name: _JSON if name == "json" else _SHAPED | _TEXT for name in NAMES})
