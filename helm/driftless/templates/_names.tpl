{{/* Names and labels. What one part needs is given as (dict "root" $ "part" "gateway"). */}}

{{- define "driftless.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Short enough for what is put behind it: a node's id and a pod's host name have at most 63 characters. */}}
{{- define "driftless.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "driftless.selector" -}}
app.kubernetes.io/name: {{ include "driftless.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "driftless.labels" -}}
{{ include "driftless.selector" . }}
app.kubernetes.io/part-of: driftless
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "driftless.metadata" -}}
name: {{ include "driftless.fullname" .root }}-{{ .name | default .part }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "driftless.labels" . | nindent 2 }}
{{- end }}

{{- define "driftless.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "driftless.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "driftless.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{/* The ids of the first nodes, comma-separated: a node's id is the name of its pod. */}}
{{- define "driftless.nodeIds" -}}
{{- $ids := list -}}
{{- range $i := until (int .count) -}}
{{- $ids = append $ids (printf "%s-node-%d" (include "driftless.fullname" $.root) $i) -}}
{{- end -}}
{{- join "," $ids -}}
{{- end }}

{{- define "driftless.gatewayUrl" -}}
http://{{ include "driftless.fullname" . }}-gateway:{{ .Values.gateway.service.port }}
{{- end }}
