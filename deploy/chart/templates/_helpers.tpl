{{- define "bwp.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "bwp.selector" -}}
app.kubernetes.io/name: bwp-sync
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "bwp.labels" -}}
{{ include "bwp.selector" . }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bwp.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest }}{{ required "image.repository is needed" $image.repository }}@{{ $image.digest }}{{ else }}{{ required "image.repository is needed" $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* All that every Pod shares: worker, test and an operator's Job. */}}
{{- define "bwp.pod" -}}
automountServiceAccountToken: false
{{- if .Values.serviceAccount.create }}
serviceAccountName: {{ .Values.serviceAccount.name | default (include "bwp.name" .) }}
{{- else if .Values.serviceAccount.name }}
serviceAccountName: {{ .Values.serviceAccount.name }}
{{- end }}
# No variables of neighbouring services among the settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  # Owns the mounted secrets.
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "bwp.config" -}}
- --config
- /etc/bwp-sync/kubernetes.toml
{{- if .Values.settings }}
- --config
- /etc/bwp-sync/settings.toml
{{- end }}
{{- end }}

{{- define "bwp.container" -}}
image: {{ include "bwp.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- with .Values.api.clientId }}
  - name: BWP__API__CLIENT_ID
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.api.targetId }}
  - name: BWP__API__TARGET_ID
    value: {{ . | quote }}
  {{- end }}
  - name: BWP__API__CLIENT_SECRET_FILE
    value: /var/run/secrets/bwp-sync/client-secret
  - name: BWP__BROKER__URI_FILE
    value: /var/run/secrets/bwp-sync/broker-uri
  {{- with .Values.secret.managementUriKey }}
  - name: BWP__BROKER__MANAGEMENT_URI_FILE
    value: /var/run/secrets/bwp-sync/{{ . }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "bwp.mounts" -}}
- name: config
  mountPath: /etc/bwp-sync
  readOnly: true
# The folder, not its files by subPath: those would never change.
- name: secrets
  mountPath: /var/run/secrets/bwp-sync
  readOnly: true
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bwp.volumes" -}}
- name: config
  configMap:
    name: {{ include "bwp.name" . }}
- name: secrets
  secret:
    secretName: {{ .Values.secret.name }}
    defaultMode: 0440
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
