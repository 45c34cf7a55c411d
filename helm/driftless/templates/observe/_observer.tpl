{{/*
One of the programs that observe: a service, and one pod with its configuration and, where `size` is given, a volume.

  root, part, user, image, resources
  args, env      as in a container
  ports          name → number; `http` is scraped
  ready          path that answers when it serves; none: it has nothing to ask
  config         ConfigMap, or list of them, → where it is mounted
  secret         secret → where it is mounted
  data, size     where it keeps what it keeps, and how much that may be
  checksum       changes when the configuration does
  token          the name of a service account whose token it needs
*/}}
{{- define "driftless.observer" -}}
{{- $size := .size | default "" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "driftless.metadata" . | nindent 2 }}
spec:
  selector:
    {{- include "driftless.selector" . | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - name: {{ $name }}
      port: {{ $port }}
      targetPort: {{ $name }}
      protocol: TCP
      appProtocol: {{ ternary "grpc" "http" (hasSuffix "grpc" $name) }}
    {{- end }}
---
apiVersion: apps/v1
kind: {{ ternary "StatefulSet" "Deployment" (not (empty $size)) }}
metadata:
  {{- include "driftless.metadata" . | nindent 2 }}
spec:
  replicas: 1
  {{- if $size }}
  serviceName: {{ include "driftless.fullname" .root }}-{{ .part }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "driftless.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "driftless.podMetadata" (merge (dict "annotations" (dict "checksum/config" (.checksum | default ""))) .) | nindent 6 }}
    spec:
      {{- include "driftless.pod" (merge (dict "serviceAccount" .token "token" (not (empty .token))) .) | nindent 6 }}
      containers:
        - name: {{ .part }}
          image: {{ .image }}
          {{- with .args }}
          args:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with .env }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- range $name, $port := .ports }}
            - { name: {{ $name }}, containerPort: {{ $port }} }
            {{- end }}
          {{- with .ready }}
          readinessProbe:
            httpGet: { path: {{ . }}, port: http }
            periodSeconds: 5
            timeoutSeconds: 3
          {{- end }}
          {{- include "driftless.container" . | nindent 10 }}
          volumeMounts:
            {{- range $name, $path := .config }}
            - { name: {{ $name }}, mountPath: {{ $path }} }
            {{- end }}
            {{- range $name, $path := .secret }}
            - { name: secret, mountPath: {{ $path }}, readOnly: true }
            {{- end }}
            {{- with .data }}
            - { name: data, mountPath: {{ . }} }
            {{- end }}
            - { name: tmp, mountPath: /tmp }
      volumes:
        {{- range $name, $path := .config }}
        - name: {{ $name }}
          projected:
            sources:
              {{- range index $.configMaps $name }}
              - configMap: { name: {{ . }} }
              {{- end }}
        {{- end }}
        {{- range $name, $path := .secret }}
        - name: secret
          secret: { secretName: {{ $name }} }
        {{- end }}
        {{- if and .data (not $size) }}
        - name: data
          emptyDir: {}
        {{- end }}
        - name: tmp
          emptyDir: {}
  {{- if $size }}
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: {{ $size }} } }
  {{- end }}
{{- end }}
