{{/*
What every pod has: no rights, no token, a user that is not root, a root that cannot be written.

enableServiceLinks is off for more than tidiness: for a service called `driftless`, Kubernetes would put
DRIFTLESS_PORT=tcp://… into every container, where our processes read their configuration.
*/}}
{{- define "driftless.pod" -}}
{{- $pod := .pod | default dict -}}
serviceAccountName: {{ .serviceAccount | default (include "driftless.serviceAccount" .root) }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "driftless.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- with .resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "driftless.podMetadata" -}}
labels:
  {{- include "driftless.labels" . | nindent 2 }}
  {{- with (.pod | default dict).labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) ((.pod | default dict).annotations | default dict) (.annotations | default dict) }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Spread over machines and zones, revision by revision. */}}
{{- define "driftless.spread" -}}
topologySpreadConstraints:
  {{- range $key, $otherwise := dict "kubernetes.io/hostname" .hosts "topology.kubernetes.io/zone" .zones }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $otherwise }}
    labelSelector:
      matchLabels:
        {{- include "driftless.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{/* Variables that all processes of the store read. */}}
{{- define "driftless.env" -}}
{{- $values := .root.Values -}}
- { name: DRIFTLESS_CLUSTER, value: {{ $values.cluster.name | quote }} }
- { name: DRIFTLESS_LOG_LEVEL, value: {{ $values.logLevel | quote }} }
{{ include "driftless.natsEnv" .root }}
{{- $traces := $values.observability.traces -}}
{{- $bundled := ternary (printf "http://%s-otel-collector:4318" (include "driftless.fullname" .root)) "" (eq $values.observability.mode "bundled") -}}
{{- with default $bundled $traces.url }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
- { name: OTEL_TRACES_SAMPLER_ARG, value: {{ $traces.part | quote }} }
{{- end }}
{{- range $name, $value := .env }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- define "driftless.natsEnv" -}}
{{- $external := .Values.nats.external -}}
{{- if .Values.nats.enabled }}
{{- with .Values.nats.authSecret }}
- name: NATS_USER
  valueFrom: { secretKeyRef: { name: {{ . }}, key: user } }
- name: NATS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ . }}, key: password } }
{{- end }}
- { name: DRIFTLESS_NATS_URL, value: {{ include "driftless.natsUrls" (dict "root" . "port" 4222 "scheme" "nats" "auth" .Values.nats.authSecret) | quote }} }
{{- else }}
{{- with $external.credentialsSecret }}
{{- if .name }}
- { name: DRIFTLESS_NATS_CREDS, value: {{ printf "/etc/driftless/nats-credentials/%s" .key | quote }} }
{{- end }}
{{- end }}
{{- if $external.tls.secret }}
- { name: DRIFTLESS_NATS_CA, value: /etc/driftless/nats-tls/ca.crt }
{{- if $external.tls.clientCertificate }}
- { name: DRIFTLESS_NATS_CERT, value: /etc/driftless/nats-tls/tls.crt }
- { name: DRIFTLESS_NATS_KEY, value: /etc/driftless/nats-tls/tls.key }
{{- end }}
{{- end }}
{{- if $external.urlSecret.name }}
- name: DRIFTLESS_NATS_URL
  valueFrom: { secretKeyRef: { name: {{ $external.urlSecret.name }}, key: {{ $external.urlSecret.key }} } }
{{- else }}
- { name: DRIFTLESS_NATS_URL, value: {{ required "nats.external.url or nats.external.urlSecret.name says where NATS is, when nats.enabled is false" $external.url | quote }} }
{{- end }}
{{- end }}
{{- end }}

{{/* Files of secrets that the connection to a NATS elsewhere needs. */}}
{{- define "driftless.natsSecrets" -}}
{{- $external := .Values.nats.external -}}
{{- $paths := dict -}}
{{- if not .Values.nats.enabled -}}
{{- with $external.credentialsSecret.name -}}{{- $_ := set $paths "nats-credentials" . -}}{{- end -}}
{{- with $external.tls.secret -}}{{- $_ := set $paths "nats-tls" . -}}{{- end -}}
{{- end -}}
{{- toYaml $paths -}}
{{- end }}

{{- define "driftless.natsMounts" -}}
{{- range $name, $secret := include "driftless.natsSecrets" . | fromYaml }}
- { name: {{ $name }}, mountPath: /etc/driftless/{{ $name }}, readOnly: true }
{{- end }}
{{- end }}

{{- define "driftless.natsVolumes" -}}
{{- range $name, $secret := include "driftless.natsSecrets" . | fromYaml }}
- name: {{ $name }}
  secret: { secretName: {{ $secret }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* Each server by its own name: one that is away is then passed over. */}}
{{- define "driftless.natsUrls" -}}
{{- $name := printf "%s-nats" (include "driftless.fullname" .root) -}}
{{- $urls := list -}}
{{- range $i := until (int .root.Values.nats.replicas) -}}
{{- $auth := ternary "$(NATS_USER):$(NATS_PASSWORD)@" "" (not (empty $.auth)) -}}
{{- $urls = append $urls (printf "%s://%s%s-%d.%s.%s.svc:%d" $.scheme $auth $name $i $name $.root.Release.Namespace (int $.port)) -}}
{{- end -}}
{{- join "," $urls -}}
{{- end }}

{{- define "driftless.streamReplicas" -}}
{{- if not .Values.nats.enabled -}}{{ .Values.nats.external.streamReplicas }}
{{- else if ge (int .Values.nats.replicas) 3 -}}3
{{- else -}}1
{{- end -}}
{{- end }}

{{/* The process turns: asked of itself, so never for NATS, for another process, or for being behind. */}}
{{- define "driftless.liveness" -}}
livenessProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
{{- end }}
