{{- /*
SPDX-License-Identifier: Apache-2.0
A role's binding: (list "agent" $ "ClusterRole"). It bears the role's name.
*/}}
{{- define "drainsnoop.binding" -}}
{{- $part := list (index . 0) (index . 1) }}
{{- $root := index . 1 }}
{{- $kind := index . 2 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ include "drainsnoop.part" $part }}
  {{- if eq $kind "Role" }}
  namespace: {{ $root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "drainsnoop.partLabels" $part | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ include "drainsnoop.part" $part }}
subjects:
  - kind: ServiceAccount
    name: {{ include "drainsnoop.serviceAccount" $part }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
