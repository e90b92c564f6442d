{{- /*
SPDX-License-Identifier: Apache-2.0
Names, labels and images. The parts are "agent" and "targets": what takes a part is given
(list "agent" $).
*/}}

{{- /* 48: "-targets" and a hash of Kubernetes' own must fit behind it. */}}
{{- define "drainsnoop.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- $name := .Chart.Name }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "drainsnoop.part" -}}
{{- printf "%s-%s" (include "drainsnoop.fullname" (last .)) (first .) }}
{{- end }}

{{- define "drainsnoop.serviceAccount" -}}
{{- $account := (get (last .).Values (first .)).serviceAccount }}
{{- default (ternary (include "drainsnoop.part" .) "default" $account.create) $account.name }}
{{- end }}

{{- define "drainsnoop.image" -}}
{{- $image := .Values.image }}
{{- $path := list $image.registry $image.repository | compact | join "/" }}
{{- if $image.digest }}
{{- printf "%s@%s" $path $image.digest }}
{{- else }}
{{- printf "%s:%s" $path (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{- define "drainsnoop.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "drainsnoop.partLabels" -}}
{{ include "drainsnoop.labels" (last .) }}
app.kubernetes.io/component: {{ first . }}
{{- end }}

{{- define "drainsnoop.selector" -}}
app.kubernetes.io/name: {{ (last .).Chart.Name }}
app.kubernetes.io/instance: {{ (last .).Release.Name }}
app.kubernetes.io/component: {{ first . }}
{{- end }}
