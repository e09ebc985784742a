{{/* What all pods of the control plane are alike in. */}}

{{- define "kairos.labels" -}}
app.kubernetes.io/name: kairos
app.kubernetes.io/instance: {{ .release }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "kairos.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The pod around the one container, which comes as `container`. */}}
{{- define "kairos.pod" -}}
{{- $values := .root.Values -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
initContainers:
  # A mounted Secret can be read by its group, and Kairos takes no key that others may read.
  - name: keys
    image: {{ $values.image }}
    imagePullPolicy: {{ $values.imagePullPolicy }}
    command: [sh, -euc, "cp /secret/* /state/ && chmod 600 /state/*"]
    securityContext: {{- include "kairos.confined" . | nindent 6 }}
    resources: {limits: {memory: 64Mi}}
    volumeMounts:
      - {name: secret, mountPath: /secret, readOnly: true}
      - {name: state, mountPath: /state}
containers:
  - image: {{ $values.image }}
    imagePullPolicy: {{ $values.imagePullPolicy }}
    env:
      - name: DATABASE_URL
        valueFrom: {secretKeyRef: {name: {{ $values.existingSecret }}, key: DATABASE_URL}}
      - name: BROKER_URL
        valueFrom: {secretKeyRef: {name: {{ $values.existingSecret }}, key: BROKER_URL}}
      - {name: KAIROS_BIND, value: "0.0.0.0:8000"}
      - {name: KAIROS_LOG_FORMAT, value: json}
      {{- range $name, $value := $values.env }}
      - {name: {{ $name }}, value: {{ $value | quote }}}
      {{- end }}
    securityContext: {{- include "kairos.confined" . | nindent 6 }}
    volumeMounts:
      - {name: state, mountPath: /state}
      - {name: tmp, mountPath: /tmp}
    {{- .container | nindent 4 }}
volumes:
  - name: secret
    projected:
      defaultMode: 0440
      sources:
        - secret:
            name: {{ $values.existingSecret }}
            items:
              - {key: secret-key, path: secret-key}
              - {key: fernet-keys, path: fernet-keys}
              - {key: control-key.json, path: control-key.json}
        # Only where the broker's authority is your own.
        - secret:
            name: {{ $values.existingSecret }}
            items: [{key: broker-ca.pem, path: broker-ca.pem}]
            optional: true
        # Only where people log in at an OpenID provider, and its authority may be your own.
        - secret:
            name: {{ $values.existingSecret }}
            items: [{key: oidc-client-secret, path: oidc-client-secret}]
            optional: true
        - secret:
            name: {{ $values.existingSecret }}
            items: [{key: oidc-ca.pem, path: oidc-ca.pem}]
            optional: true
  - name: state
    emptyDir: {medium: Memory, sizeLimit: 4Mi}
  - name: tmp
    emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
