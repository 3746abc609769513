{{- define "dreamlab.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "dreamlab.labels" -}}
app.kubernetes.io/name: dreamlab
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dreamlab.pod" -}}
serviceAccountName: {{ .Values.serviceAccount.name | default .Release.Name }}
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  seccompProfile: {type: RuntimeDefault}
volumes:
  - name: config
    configMap: {name: {{ .Release.Name }}}
  - name: tmp
    emptyDir: {}
{{- end }}

{{- define "dreamlab.container" -}}
image: {{ include "dreamlab.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
workingDir: /etc/dreamlab
envFrom:
  - secretRef: {name: {{ .Values.existingSecret }}}
env:
  - {name: DREAMLAB_METRICS, value: "0.0.0.0:9091"}
volumeMounts:
  - {name: config, mountPath: /etc/dreamlab, readOnly: true}
  - {name: tmp, mountPath: /tmp}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "dreamlab.alive" -}}
startupProbe:
  exec: {command: [dreamlab, health, --live, --addr, "127.0.0.1:9091"]}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  exec: {command: [dreamlab, health, --live, --addr, "127.0.0.1:9091"]}
  periodSeconds: 15
  timeoutSeconds: 6
{{- end }}
