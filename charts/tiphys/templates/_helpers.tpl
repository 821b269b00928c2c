{{/* Metadata labels. Takes a list: root, name, component (may be empty). */}}
{{- define "tiphys.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: argocd
{{- with index . 2 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{/* A ConfigMap of the installation. Takes a list: root, name, data. */}}
{{- define "tiphys.configMap" -}}
{{- $root := index . 0 -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "tiphys.labels" (list $root (index . 1) "") | nindent 4 }}
{{- with index . 2 }}
data:
  {{- range $key, $value := . }}
  {{ $key | quote }}: {{ kindIs "string" $value | ternary $value (toYaml $value) | toJson }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A ServiceAccount. Takes a list: root, name, component, values of the service, whether pods get its token. */}}
{{- define "tiphys.serviceAccount" -}}
{{- $root := index . 0 -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "tiphys.labels" (list $root (index . 1) (index . 2)) | nindent 4 }}
  {{- with (index . 3).serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- if not (index . 4) }}
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{/* A RoleBinding of the Role and the ServiceAccount of one name. Takes a list: root, name, component. */}}
{{- define "tiphys.roleBinding" -}}
{{- $root := index . 0 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "tiphys.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ index . 1 }}
subjects:
  - kind: ServiceAccount
    name: {{ index . 1 }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}

{{/* The environment that all services have: the namespace, and parameters from argocd-cmd-params-cm. Takes a list: root, name. */}}
{{- define "tiphys.env" -}}
- name: ARGOCD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- $root := index . 0 }}
{{- range $env, $key := $root.Files.Get (printf "files/parameters/%s.yaml" (index . 1)) | fromYaml }}
- name: {{ $env }}
  valueFrom:
    configMapKeyRef:
      name: argocd-cmd-params-cm
      key: {{ $key }}
      optional: true
{{- end }}
{{- end }}

{{/* One variable from a key of argocd-cm. Takes a list: variable, key. */}}
{{- define "tiphys.envFromSettings" -}}
- name: {{ index . 0 }}
  valueFrom:
    configMapKeyRef:
      name: argocd-cm
      key: {{ index . 1 }}
      optional: true
{{- end }}

{{/* Metadata of a pod: a change of the parameters restarts it. Takes a list: root, name, values of the service. */}}
{{- define "tiphys.podMetadata" -}}
{{- $root := index . 0 -}}
labels:
  app.kubernetes.io/name: {{ index . 1 }}
  {{- with (index . 2).podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := dict }}
{{- with $root.Values.configs.params }}
{{- $_ := set $annotations "checksum/parameters" (toJson . | sha256sum) }}
{{- end }}
{{- with merge $annotations (index . 2).podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What all pods have in common. Takes a list: root, name, values of the service, whether it gets the token. */}}
{{- define "tiphys.pod" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
serviceAccountName: {{ index . 1 }}
automountServiceAccountToken: {{ index . 3 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 999
  runAsGroup: 999
  fsGroup: 999
  seccompProfile:
    type: RuntimeDefault
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: {{ index . 1 }}
          topologyKey: kubernetes.io/hostname
{{- end }}

{{/* What all containers have in common. Takes a list: root, name, program, values of the service, port of the probes. */}}
{{- define "tiphys.container" -}}
{{- $root := index . 0 -}}
{{- $values := index . 3 -}}
name: {{ index . 1 }}
image: {{ printf "%s:%s" $root.Values.image.repository (toString $root.Values.image.tag) | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
command: [tiphys]
args:
  - {{ index . 2 }}
  {{- range $values.extraArgs }}
  - {{ . | quote }}
  {{- end }}
livenessProbe:
  tcpSocket:
    port: {{ index . 4 }}
  initialDelaySeconds: 30
  periodSeconds: 30
  timeoutSeconds: 5
readinessProbe:
  httpGet:
    path: /healthz
    port: {{ index . 4 }}
  initialDelaySeconds: 2
  periodSeconds: 10
  timeoutSeconds: 5
{{- with $values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
{{- end }}
