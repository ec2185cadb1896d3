{{- define "gantry.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "gantry.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What never changes in the life of a release: Deployment and Service select by it, and no other pod has it. */}}
{{- define "gantry.selector" -}}
app.kubernetes.io/name: {{ include "gantry.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "gantry.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "gantry.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The head of an object: call with a dict of root, name, and where there are more, annotations and labels. */}}
{{- define "gantry.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "gantry.labels" .root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "gantry.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gantry.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gantry.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s%s" $image.repository (default .Chart.AppVersion $image.tag) (ternary "-git" "" $image.git) -}}
{{- end -}}
{{- end -}}

{{/* The name of the claim; the chart's own carries the release's name. */}}
{{- define "gantry.claim" -}}
{{- default (include "gantry.fullname" .) .Values.persistence.existingClaim -}}
{{- end -}}

{{/* What the schema cannot say, or says only where it is not skipped. Each sentence names the value. */}}
{{- define "gantry.validate" -}}
{{- if ne (int .Values.replicaCount) 1 -}}
{{- fail "replicaCount: this version of Gantry runs as one process; set it to 1" -}}
{{- end -}}
{{- range $key, $instead := dict "listen" "server.listenAddress and server.port" "data" "persistence" -}}
{{- if hasKey $.Values.settings $key -}}
{{- fail (printf "settings.%s: the chart sets it; use %s" $key $instead) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.database.type "postgres") (not .Values.database.existingSecret) -}}
{{- fail "database.existingSecret: name the Secret with the URL of the PostgreSQL database" -}}
{{- end -}}
{{- if and (eq .Values.database.type "sqlite") .Values.database.existingSecret -}}
{{- fail "database.existingSecret: has no effect with database.type sqlite; set database.type to postgres" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs: name at least one gateway" -}}
{{- end -}}
{{- end -}}
