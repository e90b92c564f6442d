{{- /*
SPDX-License-Identifier: Apache-2.0
What several pods have in common. What takes a part is given (list "agent" $).
*/}}

{{- define "drainsnoop.podMetadata" -}}
{{- $part := get (last .).Values (first .) -}}
annotations:
  prometheus.io/scrape: "true"
  prometheus.io/port: {{ (last .).Values.metrics.port | quote }}
  prometheus.io/path: /metrics
  {{- with $part.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
labels:
  {{- include "drainsnoop.partLabels" . | nindent 2 }}
  {{- with $part.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "drainsnoop.placement" -}}
{{- $part := get (last .).Values (first .) -}}
{{- with $part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "drainsnoop.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What the program learns from the downward API; HOST_IP is for metrics.address. */}}
{{- define "drainsnoop.environment" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: HOST_IP
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
{{- end }}

{{- /*
Options of the agent that its doctor has to know too: as variables both have them, also where a person
runs doctor in the agent's container.
*/}}
{{- define "drainsnoop.agentOptions" -}}
- name: DRAINSNOOP_METRICS_LISTEN
  value: {{ printf "%s:%v" .Values.metrics.address .Values.metrics.port | quote }}
{{- if .Values.agent.eventsOnWorkloads }}
- name: DRAINSNOOP_EVENTS_ON_WORKLOADS
  value: "true"
{{- end }}
{{- if .Values.agent.standalone }}
- name: DRAINSNOOP_STANDALONE
  value: "true"
{{- end }}
{{- end }}

{{- define "drainsnoop.awsArguments" -}}
{{- if .Values.aws.addresses }}
- --elb-addresses
{{- end }}
{{- with .Values.aws.rate }}
- --elb-rate={{ . }}
{{- end }}
{{- end }}

{{- define "drainsnoop.awsEnvironment" -}}
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "drainsnoop.probes" -}}
{{- $host := .Values.metrics.address | trimPrefix "[" | trimSuffix "]" }}
{{- $named := and $host (not (contains "$(" $host)) -}}
startupProbe:
  httpGet:
    path: /healthz
    port: metrics
    {{- if $named }}
    host: {{ $host | quote }}
    {{- end }}
  periodSeconds: 2
  failureThreshold: 30
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
    {{- if $named }}
    host: {{ $host | quote }}
    {{- end }}
  periodSeconds: 5
livenessProbe:
  httpGet:
    path: /healthz
    port: metrics
    {{- if $named }}
    host: {{ $host | quote }}
    {{- end }}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}

{{- /* The agent's; the test that `helm test` runs has exactly the same. */}}
{{- define "drainsnoop.agentSecurity" -}}
{{- $agent := .Values.agent -}}
# Kubernetes gives added capabilities to root's processes only. Root with these two and nothing else.
runAsUser: 0
runAsGroup: 0
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add:
    # Load programs and make maps; every bpf() call needs it before Linux 5.19.
    - BPF
    # Programs of the tracing types (raw tracepoints, fentry, kprobes), and the kernel memory they read.
    - PERFMON
    {{- if $agent.capabilities.sysResource }}
    # Raise RLIMIT_MEMLOCK, by which kernels before 5.11 count BPF maps.
    - SYS_RESOURCE
    {{- end }}
    {{- if $agent.capabilities.syslog }}
    # Addresses in /proc/kallsyms, the only names of places in kernels before 5.13.
    - SYSLOG
    {{- end }}
{{- with $agent.seccompProfile }}
seccompProfile:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $agent.seLinuxOptions }}
seLinuxOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
