//! The flags that describe an application's spec.

use serde_json::{Map, Value, json};

use crate::app::create::object;
use crate::error::CliError;

/// Source, destination, project and sync policy.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct SpecFlags {
    /// URL of the repository
    #[arg(long)]
    repo: Option<String>,
    /// Folder in the repository
    #[arg(long)]
    path: Option<String>,
    /// Branch, tag, commit or version of the chart
    #[arg(long)]
    revision: Option<String>,
    /// Prefix of the tags among which a version is looked for
    #[arg(long)]
    tag_prefix: Option<String>,
    /// Name of the Helm chart
    #[arg(long)]
    helm_chart: Option<String>,
    /// Name under which other sources refer to this one
    #[arg(long = "ref")]
    reference: Option<String>,
    /// Name of the source
    #[arg(long)]
    source_name: Option<String>,
    /// Address of the destination cluster
    #[arg(long)]
    dest_server: Option<String>,
    /// Name of the destination cluster
    #[arg(long)]
    dest_name: Option<String>,
    /// Destination namespace
    #[arg(long)]
    dest_namespace: Option<String>,
    /// Project
    #[arg(long)]
    project: Option<String>,
    /// How many syncs are remembered
    #[arg(long)]
    revision_history_limit: Option<i64>,
    /// Sync policy: manual or automated
    #[arg(long)]
    sync_policy: Option<String>,
    /// Sync option to add, or to remove with `!` in front; may be repeated
    #[arg(long)]
    sync_option: Vec<String>,
    /// Automated sync deletes objects that left the source
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    auto_prune: Option<bool>,
    /// Automated sync undoes changes made in the cluster
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    self_heal: Option<bool>,
    /// Automated sync may delete everything
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    allow_empty: Option<bool>,
    /// How often a failed sync is tried again
    #[arg(long, allow_negative_numbers = true)]
    sync_retry_limit: Option<i64>,
    /// First wait between tries
    #[arg(long)]
    sync_retry_backoff_duration: Option<String>,
    /// Longest wait between tries
    #[arg(long)]
    sync_retry_backoff_max_duration: Option<String>,
    /// By how much each wait is longer than the one before
    #[arg(long)]
    sync_retry_backoff_factor: Option<i64>,
    /// Each try takes the newest revision
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    sync_retry_refresh: Option<bool>,
    /// Helm values file; may be repeated
    #[arg(long)]
    values: Vec<String>,
    /// Values files may be missing
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    ignore_missing_value_files: Option<bool>,
    /// File with Helm values that become part of the application
    #[arg(long)]
    values_literal_file: Option<String>,
    /// Helm release name
    #[arg(long)]
    release_name: Option<String>,
    /// Helm parameter, as NAME=VALUE; may be repeated
    #[arg(short = 'p', long = "parameter")]
    parameter: Vec<String>,
    /// Helm parameter, as NAME=VALUE; may be repeated
    #[arg(long)]
    helm_set: Vec<String>,
    /// Helm parameter that is a string, as NAME=VALUE; may be repeated
    #[arg(long)]
    helm_set_string: Vec<String>,
    /// Helm parameter with a file's content, as NAME=PATH; may be repeated
    #[arg(long)]
    helm_set_file: Vec<String>,
    /// Leave the chart's definitions out
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    helm_skip_crds: Option<bool>,
    /// Do not check values against the chart's schema
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    helm_skip_schema_validation: Option<bool>,
    /// Leave the chart's tests out
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    helm_skip_tests: Option<bool>,
    /// Namespace that Helm renders for
    #[arg(long)]
    helm_namespace: Option<String>,
    /// Kubernetes version that Helm renders for
    #[arg(long)]
    helm_kube_version: Option<String>,
    /// API version that Helm renders for; may be repeated
    #[arg(long)]
    helm_api_versions: Vec<String>,
    /// Helm version: v3 or v4
    #[arg(long)]
    helm_version: Option<String>,
    /// Give credentials to all hosts that charts are fetched from
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    helm_pass_credentials: Option<bool>,
    /// Kustomize name prefix
    #[arg(long)]
    nameprefix: Option<String>,
    /// Kustomize name suffix
    #[arg(long)]
    namesuffix: Option<String>,
    /// Kustomize version
    #[arg(long)]
    kustomize_version: Option<String>,
    /// Kustomize image; may be repeated
    #[arg(long)]
    kustomize_image: Vec<String>,
    /// Kustomize replicas, as NAME=COUNT; may be repeated
    #[arg(long)]
    kustomize_replica: Vec<String>,
    /// Kustomize namespace
    #[arg(long)]
    kustomize_namespace: Option<String>,
    /// Kustomize common label, as KEY=VALUE; may be repeated
    #[arg(long)]
    kustomize_common_label: Vec<String>,
    /// Kustomize common annotation, as KEY=VALUE; may be repeated
    #[arg(long)]
    kustomize_common_annotation: Vec<String>,
    /// Common labels replace those that are there
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    kustomize_force_common_label: Option<bool>,
    /// Common annotations replace those that are there
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    kustomize_force_common_annotation: Option<bool>,
    /// Common labels are not added to selectors
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    kustomize_label_without_selector: Option<bool>,
    /// Common labels are added to templates too
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    kustomize_label_include_templates: Option<bool>,
    /// Kustomize components may be missing
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    ignore_missing_components: Option<bool>,
    /// Kubernetes version that Kustomize renders charts for
    #[arg(long)]
    kustomize_kube_version: Option<String>,
    /// API version that Kustomize renders charts for; may be repeated
    #[arg(long)]
    kustomize_api_versions: Vec<String>,
    /// Read folders in the folder
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    directory_recurse: Option<bool>,
    /// Glob of the files to read
    #[arg(long)]
    directory_include: Option<String>,
    /// Glob of the files to leave out
    #[arg(long)]
    directory_exclude: Option<String>,
    /// Read files whatever their extension
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    directory_disable_extension_filter: Option<bool>,
    /// Jsonnet top-level argument, as NAME=VALUE; may be repeated
    #[arg(long)]
    jsonnet_tla_str: Vec<String>,
    /// Jsonnet top-level argument that is code, as NAME=VALUE; may be repeated
    #[arg(long)]
    jsonnet_tla_code: Vec<String>,
    /// Jsonnet external variable, as NAME=VALUE; may be repeated
    #[arg(long)]
    jsonnet_ext_var_str: Vec<String>,
    /// Jsonnet external variable that is code, as NAME=VALUE; may be repeated
    #[arg(long)]
    jsonnet_ext_var_code: Vec<String>,
    /// Folder with Jsonnet libraries; may be repeated
    #[arg(long)]
    jsonnet_libs: Vec<String>,
    /// Config management plugin
    #[arg(long)]
    config_management_plugin: Option<String>,
    /// Environment of the plugin, as NAME=VALUE; may be repeated
    #[arg(long)]
    plugin_env: Vec<String>,
}

impl SpecFlags {
    /// Puts what is given into a spec. Nothing else in it is touched.
    pub(crate) fn apply(&self, spec: &mut Map<String, Value>) -> Result<(), CliError> {
        set(spec, "project", &self.project);
        set(spec, "revisionHistoryLimit", &self.revision_history_limit);
        let mut destination = spec.remove("destination").unwrap_or(Value::Null);
        set(object(&mut destination), "server", &self.dest_server);
        set(object(&mut destination), "name", &self.dest_name);
        set(object(&mut destination), "namespace", &self.dest_namespace);
        spec.insert("destination".to_owned(), destination);
        let source = self.source()?;
        if !source.is_empty() {
            tiphys_api::patch::apply(spec.entry("source").or_insert(Value::Null), &Value::Object(source));
        }
        self.sync_policy(spec)
    }

    /// The fields of the source that are given.
    fn source(&self) -> Result<Map<String, Value>, CliError> {
        let mut source = Map::new();
        set(&mut source, "repoURL", &self.repo);
        set(&mut source, "path", &self.path);
        set(&mut source, "targetRevision", &self.revision);
        set(&mut source, "tagPrefix", &self.tag_prefix);
        set(&mut source, "chart", &self.helm_chart);
        set(&mut source, "ref", &self.reference);
        set(&mut source, "name", &self.source_name);
        for (field, tool) in [
            ("helm", self.helm()?),
            ("kustomize", self.kustomize()?),
            ("directory", self.directory()?),
            ("plugin", self.plugin()?),
        ] {
            if !tool.is_empty() {
                source.insert(field.to_owned(), Value::Object(tool));
            }
        }
        Ok(source)
    }

    fn helm(&self) -> Result<Map<String, Value>, CliError> {
        let mut helm = Map::new();
        list(&mut helm, "valueFiles", &self.values);
        list(&mut helm, "apiVersions", &self.helm_api_versions);
        set(&mut helm, "ignoreMissingValueFiles", &self.ignore_missing_value_files);
        set(&mut helm, "releaseName", &self.release_name);
        set(&mut helm, "skipCrds", &self.helm_skip_crds);
        set(&mut helm, "skipSchemaValidation", &self.helm_skip_schema_validation);
        set(&mut helm, "skipTests", &self.helm_skip_tests);
        set(&mut helm, "namespace", &self.helm_namespace);
        set(&mut helm, "kubeVersion", &self.helm_kube_version);
        set(&mut helm, "version", &self.helm_version);
        set(&mut helm, "passCredentials", &self.helm_pass_credentials);
        if let Some(file) = &self.values_literal_file {
            let text = std::fs::read_to_string(file)
                .map_err(|source| CliError::new(format!("cannot read {file}: {source}")))?;
            helm.insert("values".to_owned(), json!(text));
        }
        let mut parameters = Vec::new();
        for (pairs, is_string) in
            [(&self.parameter, false), (&self.helm_set, false), (&self.helm_set_string, true)]
        {
            for pair in pairs {
                let (name, value) = split(pair)?;
                parameters.push(match is_string {
                    true => json!({"name": name, "value": value, "forceString": true}),
                    false => json!({"name": name, "value": value}),
                });
            }
        }
        if !parameters.is_empty() {
            helm.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if !self.helm_set_file.is_empty() {
            let files = self
                .helm_set_file
                .iter()
                .map(|pair| split(pair).map(|(name, path)| json!({"name": name, "path": path})));
            helm.insert("fileParameters".to_owned(), Value::Array(files.collect::<Result<_, _>>()?));
        }
        Ok(helm)
    }

    fn kustomize(&self) -> Result<Map<String, Value>, CliError> {
        let mut kustomize = Map::new();
        set(&mut kustomize, "namePrefix", &self.nameprefix);
        set(&mut kustomize, "nameSuffix", &self.namesuffix);
        set(&mut kustomize, "version", &self.kustomize_version);
        set(&mut kustomize, "namespace", &self.kustomize_namespace);
        list(&mut kustomize, "images", &self.kustomize_image);
        set(&mut kustomize, "forceCommonLabels", &self.kustomize_force_common_label);
        set(&mut kustomize, "forceCommonAnnotations", &self.kustomize_force_common_annotation);
        set(&mut kustomize, "labelWithoutSelector", &self.kustomize_label_without_selector);
        set(&mut kustomize, "labelIncludeTemplates", &self.kustomize_label_include_templates);
        set(&mut kustomize, "ignoreMissingComponents", &self.ignore_missing_components);
        set(&mut kustomize, "kubeVersion", &self.kustomize_kube_version);
        list(&mut kustomize, "apiVersions", &self.kustomize_api_versions);
        if !self.kustomize_replica.is_empty() {
            let replicas = self.kustomize_replica.iter().map(|pair| {
                let (name, count) = split(pair)?;
                let count: i64 = count.parse().map_err(|_| {
                    CliError::failure(format!("replicas must be given as NAME=COUNT, not {pair:?}"))
                })?;
                Ok(json!({"name": name, "count": count}))
            });
            kustomize.insert("replicas".to_owned(), Value::Array(replicas.collect::<Result<_, CliError>>()?));
        }
        for (field, pairs) in [
            ("commonLabels", &self.kustomize_common_label),
            ("commonAnnotations", &self.kustomize_common_annotation),
        ] {
            if !pairs.is_empty() {
                let map =
                    pairs.iter().map(|pair| split(pair).map(|(key, value)| (key.to_owned(), json!(value))));
                kustomize.insert(field.to_owned(), Value::Object(map.collect::<Result<_, _>>()?));
            }
        }
        Ok(kustomize)
    }

    fn directory(&self) -> Result<Map<String, Value>, CliError> {
        let mut directory = Map::new();
        set(&mut directory, "recurse", &self.directory_recurse);
        set(&mut directory, "include", &self.directory_include);
        set(&mut directory, "exclude", &self.directory_exclude);
        set(&mut directory, "disableExtensionFilter", &self.directory_disable_extension_filter);
        let mut jsonnet = Map::new();
        list(&mut jsonnet, "libs", &self.jsonnet_libs);
        for (field, texts, codes) in [
            ("tlas", &self.jsonnet_tla_str, &self.jsonnet_tla_code),
            ("extVars", &self.jsonnet_ext_var_str, &self.jsonnet_ext_var_code),
        ] {
            let mut variables = Vec::new();
            for pair in texts {
                let (name, value) = split(pair)?;
                variables.push(json!({"name": name, "value": value}));
            }
            for pair in codes {
                let (name, value) = split(pair)?;
                variables.push(json!({"name": name, "value": value, "code": true}));
            }
            if !variables.is_empty() {
                jsonnet.insert(field.to_owned(), Value::Array(variables));
            }
        }
        if !jsonnet.is_empty() {
            directory.insert("jsonnet".to_owned(), Value::Object(jsonnet));
        }
        Ok(directory)
    }

    fn plugin(&self) -> Result<Map<String, Value>, CliError> {
        let mut plugin = Map::new();
        set(&mut plugin, "name", &self.config_management_plugin);
        if !self.plugin_env.is_empty() {
            let variables = self
                .plugin_env
                .iter()
                .map(|pair| split(pair).map(|(name, value)| json!({"name": name, "value": value})));
            plugin.insert("env".to_owned(), Value::Array(variables.collect::<Result<_, _>>()?));
        }
        Ok(plugin)
    }

    fn sync_policy(&self, spec: &mut Map<String, Value>) -> Result<(), CliError> {
        let mut policy = spec.remove("syncPolicy").unwrap_or(Value::Null);
        let fields = object(&mut policy);
        match self.sync_policy.as_deref() {
            None | Some("") => {}
            Some("none" | "manual") => {
                fields.remove("automated");
            }
            Some("auto" | "automated" | "automatic") => {
                object(fields.entry("automated").or_insert(Value::Null));
            }
            Some(other) => {
                return Err(CliError::failure(format!("Invalid sync-policy: {other}"))
                    .hint("one of: manual, automated"));
            }
        }
        let automated =
            [("prune", self.auto_prune), ("selfHeal", self.self_heal), ("allowEmpty", self.allow_empty)];
        for (field, value) in automated {
            if value.is_some() {
                let Some(automated) = fields.get_mut("automated") else {
                    return Err(CliError::failure(format!(
                        "cannot set {field}: application not configured with automatic sync"
                    ))
                    .hint("add --sync-policy automated"));
                };
                set(object(automated), field, &value);
            }
        }
        for option in &self.sync_option {
            let options = fields.entry("syncOptions").or_insert_with(|| json!([]));
            let Some(options) = options.as_array_mut() else { continue };
            match option.strip_prefix('!') {
                Some(unwanted) => options.retain(|held| held != unwanted),
                None if options.iter().any(|held| held == option) => {}
                None => options.push(json!(option)),
            }
        }
        self.retry(fields);
        if !fields.is_empty() {
            spec.insert("syncPolicy".to_owned(), policy);
        }
        Ok(())
    }

    fn retry(&self, policy: &mut Map<String, Value>) {
        let mut backoff = Map::new();
        set(&mut backoff, "duration", &self.sync_retry_backoff_duration);
        set(&mut backoff, "maxDuration", &self.sync_retry_backoff_max_duration);
        set(&mut backoff, "factor", &self.sync_retry_backoff_factor);
        let mut retry = Map::new();
        set(&mut retry, "limit", &self.sync_retry_limit);
        set(&mut retry, "refresh", &self.sync_retry_refresh);
        if !backoff.is_empty() {
            retry.insert("backoff".to_owned(), Value::Object(backoff));
        }
        if !retry.is_empty() {
            tiphys_api::patch::apply(policy.entry("retry").or_insert(Value::Null), &Value::Object(retry));
        }
    }
}

fn set<T: serde::Serialize>(fields: &mut Map<String, Value>, field: &str, value: &Option<T>) {
    if let Some(value) = value {
        fields.insert(field.to_owned(), json!(value));
    }
}

fn list(fields: &mut Map<String, Value>, field: &str, values: &[String]) {
    if !values.is_empty() {
        fields.insert(field.to_owned(), json!(values));
    }
}

fn split(pair: &str) -> Result<(&str, &str), CliError> {
    pair.split_once('=').ok_or_else(|| CliError::failure(format!("{pair:?} must be given as NAME=VALUE")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(flags: &SpecFlags) -> Value {
        let mut spec = Map::new();
        flags.apply(&mut spec).unwrap();
        Value::Object(spec)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    // covers: CLI-060
    #[test]
    fn the_flags_of_each_tool_become_its_fields() {
        let flags = SpecFlags {
            repo: some("https://charts"),
            helm_chart: some("web"),
            values: vec!["a.yaml".into()],
            helm_set: vec!["x=1".into()],
            helm_set_string: vec!["y=2".into()],
            helm_set_file: vec!["z=f".into()],
            helm_skip_crds: Some(true),
            ..SpecFlags::default()
        };
        assert_eq!(
            spec(&flags)["source"],
            json!({"repoURL": "https://charts", "chart": "web", "helm": {
                "valueFiles": ["a.yaml"], "skipCrds": true, "fileParameters": [{"name": "z", "path": "f"}],
                "parameters": [{"name": "x", "value": "1"}, {"name": "y", "value": "2", "forceString": true}],
            }})
        );
        let flags = SpecFlags {
            nameprefix: some("p-"),
            kustomize_image: vec!["a=b:1".into()],
            kustomize_replica: vec!["web=3".into()],
            kustomize_common_label: vec!["k=v".into()],
            ..SpecFlags::default()
        };
        assert_eq!(
            spec(&flags)["source"]["kustomize"],
            json!({"namePrefix": "p-", "images": ["a=b:1"], "replicas": [{"name": "web", "count": 3}], "commonLabels": {"k": "v"}})
        );
        let flags = SpecFlags {
            kustomize_force_common_label: Some(true),
            kustomize_label_without_selector: Some(true),
            ignore_missing_components: Some(true),
            kustomize_api_versions: vec!["v1/Pod".into()],
            ..SpecFlags::default()
        };
        assert_eq!(
            spec(&flags)["source"]["kustomize"],
            json!({"forceCommonLabels": true, "labelWithoutSelector": true, "ignoreMissingComponents": true,
                "apiVersions": ["v1/Pod"]})
        );
        let flags = SpecFlags {
            directory_disable_extension_filter: Some(true),
            jsonnet_tla_str: vec!["a=b".into()],
            jsonnet_ext_var_code: vec!["c=1+1".into()],
            jsonnet_libs: vec!["vendor".into()],
            ..SpecFlags::default()
        };
        assert_eq!(
            spec(&flags)["source"]["directory"],
            json!({"disableExtensionFilter": true, "jsonnet": {"libs": ["vendor"], "tlas": [{"name": "a", "value": "b"}],
                "extVars": [{"name": "c", "value": "1+1", "code": true}]}})
        );
        let flags = SpecFlags {
            config_management_plugin: some("x"),
            plugin_env: vec!["A=b".into()],
            ..SpecFlags::default()
        };
        assert_eq!(
            spec(&flags)["source"]["plugin"],
            json!({"name": "x", "env": [{"name": "A", "value": "b"}]})
        );
    }

    #[test]
    fn automated_flags_need_automated_sync() {
        let flags = SpecFlags { self_heal: Some(true), ..SpecFlags::default() };
        let error = flags.apply(&mut Map::new()).unwrap_err().to_string();
        assert!(error.contains("application not configured with automatic sync"), "{error}");
        let flags = SpecFlags { sync_policy: some("sometimes"), ..SpecFlags::default() };
        assert!(flags.apply(&mut Map::new()).unwrap_err().to_string().contains("sometimes"));
    }

    #[test]
    fn flags_change_only_what_they_speak_of() {
        let mut before = json!({
            "project": "p", "source": {"repoURL": "x", "path": "a", "helm": {"values": "v"}},
            "destination": {"server": "s", "namespace": "n"}, "syncPolicy": {"syncOptions": ["A=true", "B=true"]},
        });
        let flags = SpecFlags {
            path: some("b"),
            release_name: some("r"),
            sync_option: vec!["!A=true".into(), "B=true".into(), "C=true".into()],
            sync_retry_limit: Some(3),
            ..SpecFlags::default()
        };
        flags.apply(object(&mut before)).unwrap();
        assert_eq!(
            before,
            json!({
                "project": "p", "source": {"repoURL": "x", "path": "b", "helm": {"values": "v", "releaseName": "r"}},
                "destination": {"server": "s", "namespace": "n"},
                "syncPolicy": {"syncOptions": ["B=true", "C=true"], "retry": {"limit": 3}},
            })
        );
    }
}
