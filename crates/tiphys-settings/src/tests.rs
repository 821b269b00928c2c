//! What an installation's ConfigMaps and Secrets come to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tiphys_api::application::ApplicationDestination;
use tiphys_api::secret::SecretBytes;
use tiphys_manifest::TrackingMethod;

use super::*;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn bytes(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretBytes> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), SecretBytes::new(value.as_bytes().to_vec())))
        .collect()
}

fn secret(name: &str, data: &[(&str, &str)]) -> SecretData {
    SecretData { name: name.to_owned(), data: bytes(data), ..SecretData::default() }
}

fn of_cm(pairs: &[(&str, &str)]) -> (Settings, Vec<Problem>) {
    Settings::parse(&SettingsInput { argocd_cm: map(pairs), ..SettingsInput::default() })
}

#[track_caller]
fn without_problems(pairs: &[(&str, &str)]) -> Settings {
    let (settings, problems) = of_cm(pairs);
    assert_eq!(problems, []);
    settings
}

fn repositories(repositories: &[SecretData], templates: &[SecretData]) -> (Settings, Vec<Problem>) {
    Settings::parse(&SettingsInput {
        repository_secrets: repositories.to_vec(),
        repo_creds_secrets: templates.to_vec(),
        ..SettingsInput::default()
    })
}

fn clusters(secrets: &[SecretData], cm: &[(&str, &str)]) -> (Settings, Vec<Problem>) {
    Settings::parse(&SettingsInput {
        cluster_secrets: secrets.to_vec(),
        argocd_cm: map(cm),
        ..SettingsInput::default()
    })
}

// covers: CFG-004, CFG-005, CFG-007, CFG-013, CFG-014, CFG-027, CFG-031, CFG-032, CFG-033, CFG-036, CFG-038, CFG-039
#[test]
fn an_empty_installation_has_the_defaults_of_the_reference() {
    let settings = without_problems(&[]);
    assert_eq!(settings.tracking.method, TrackingMethod::Annotation);
    assert_eq!(settings.tracking.label_key, "app.kubernetes.io/instance");
    assert_eq!(settings.session.duration, Duration::from_secs(86_400));
    assert!(!settings.session.anonymous_enabled);
    assert_eq!(settings.session.password_pattern, "^.{8,32}$");
    assert!(settings.ignore_resource_updates_enabled);
    assert!(
        settings.tools.helm_enabled && settings.tools.kustomize_enabled && settings.tools.jsonnet_enabled
    );
    assert_eq!(settings.timeouts.reconciliation, Duration::from_secs(120));
    assert_eq!(settings.timeouts.jitter, Duration::from_secs(60));
    assert_eq!(settings.timeouts.hard_reconciliation, Duration::ZERO);
    assert!(settings.server.disable_fine_grained_inheritance);
    assert!(!settings.server.rollback_enforce);
    let admin = settings.accounts.get("admin").unwrap();
    assert!(admin.enabled && admin.has(Capability::Login) && !admin.has(Capability::ApiKey));
    assert!(settings.clusters.by_server(IN_CLUSTER_SERVER).is_some());
}

// covers: CFG-002, CFG-018, CFG-023, CFG-024
#[test]
fn keys_of_the_config_map_are_read() {
    let settings = without_problems(&[
        ("application.resourceTrackingMethod", "annotation+label"),
        ("application.instanceLabelKey", "example.com/app"),
        ("installationID", "one"),
        ("application.sync.impersonation.enabled", "true"),
        ("application.sync.impersonation.enforced", "false"),
        ("application.sync.requireOverridePrivilegeForRevisionSync", "true"),
        ("resource.sensitive.mask.annotations", "a, b"),
        ("resource.customLabels", "tier"),
        ("exec.enabled", "true"),
        ("exec.shells", "zsh,sh"),
        ("additionalUrls", "- https://one\n- https://two\n"),
    ]);
    assert_eq!(settings.tracking.method, TrackingMethod::AnnotationAndLabel);
    assert_eq!(settings.tracking.label_key, "example.com/app");
    assert_eq!(settings.tracking.installation_id, "one");
    assert_eq!(settings.impersonation, Impersonation { enabled: true, enforced: false });
    assert!(settings.server.require_override_for_revision_sync && settings.server.exec_enabled);
    assert_eq!(settings.server.exec_shells, ["zsh", "sh"]);
    assert_eq!(settings.sensitive_annotations, ["a", "b"]);
    assert_eq!(settings.custom_labels, ["tier"]);
    assert_eq!(settings.server.additional_urls, ["https://one", "https://two"]);
}

#[test]
fn a_value_that_can_not_be_read_is_a_problem_that_names_its_key_and_leaves_the_default() {
    for (key, value) in [
        ("application.resourceTrackingMethod", "both"),
        ("users.session.duration", "1 day"),
        ("users.anonymous.enabled", "maybe"),
        ("passwordPattern", "("),
        ("resource.exclusions", "a: b: c"),
        ("resource.exclusions", "- apiGroups: ['[']"),
        ("resource.compareoptions", "ignoreResourceStatusField: some"),
        ("resource.customizations", "- a"),
        ("resource.customizations.ignoreDifferences.apps_Deployment", "- a"),
        ("resource.customizations.colour.apps_Deployment", "a"),
        ("resource.customizations.health.a_b_c", "a"),
        ("resource.respectRBAC", "loose"),
        ("server.maxPodLogsToRender", "many"),
        ("globalProjects", "a"),
        ("accounts.alice", "login, fly"),
        ("accounts.alice.enabled", "si"),
        ("accounts.alice.colour", "red"),
    ] {
        let (settings, problems) = of_cm(&[(key, value)]);
        assert_eq!(problems.len(), 1, "{key}: {problems:?}");
        assert_eq!(problems[0].subject, format!("argocd-cm: {key}"));
        assert_eq!(settings.session.duration, DEFAULT_SESSION_DURATION);
        assert_eq!(settings.compare_options, CompareOptions::default());
        assert!(!settings.resource_filter.is_excluded("apps", "Deployment", IN_CLUSTER_SERVER));
    }
}

#[test]
fn one_bad_value_hides_no_other() {
    let (settings, problems) = of_cm(&[("helm.enable", "perhaps"), ("kustomize.enable", "false")]);
    assert_eq!(problems.len(), 1);
    assert!(settings.tools.helm_enabled && !settings.tools.kustomize_enabled);
}

// covers: CFG-020
#[test]
fn exclusions_and_inclusions_come_from_the_config_map() {
    let settings = without_problems(&[
        (
            "resource.exclusions",
            "- apiGroups: ['kyverno.io']\n  kinds: ['*Report', 'Policy']\n  clusters: ['*']\n",
        ),
        ("resource.inclusions", "- apiGroups: ['*']\n  kinds: [Policy, Deployment]\n"),
    ]);
    let filter = &settings.resource_filter;
    assert!(filter.is_excluded("kyverno.io", "Policy", IN_CLUSTER_SERVER));
    assert!(!filter.is_excluded("apps", "Deployment", IN_CLUSTER_SERVER));
    assert!(filter.is_excluded("apps", "StatefulSet", IN_CLUSTER_SERVER));
}

// covers: CFG-021
#[test]
fn compare_options_understand_a_switch_that_yaml_took_for_a_boolean() {
    for (text, expected) in [
        ("ignoreAggregatedRoles: true", IgnoreStatus::All),
        ("ignoreResourceStatusField: all", IgnoreStatus::All),
        ("ignoreResourceStatusField: crd", IgnoreStatus::Crd),
        ("ignoreResourceStatusField: none", IgnoreStatus::None),
        ("ignoreResourceStatusField: off", IgnoreStatus::None),
        ("ignoreResourceStatusField: 'off'", IgnoreStatus::None),
        ("ignoreResourceStatusField: on", IgnoreStatus::All),
    ] {
        let options = without_problems(&[("resource.compareoptions", text)]).compare_options;
        assert_eq!(options.ignore_status, expected, "{text}");
        assert_eq!(options.ignore_aggregated_roles, text.contains("Aggregated"));
        assert!(options.ignore_differences_on_resource_updates);
    }
}

// covers: DIFF-024, DIFF-025
#[test]
fn rules_for_kinds_come_from_one_map_and_from_split_keys() {
    let settings = without_problems(&[
        (
            "resource.customizations",
            "apps/Deployment:\n  ignoreDifferences: |\n    jsonPointers: [/spec/replicas]\n\
             'example.com/*':\n  ignoreResourceUpdates:\n    jsonPointers: [/status]\n",
        ),
        ("resource.customizations.ignoreDifferences.all", "managedFieldsManagers: [kube-controller-manager]"),
        ("resource.customizations.ignoreDifferences.Secret", "jqPathExpressions: ['.data.a']"),
        (
            "resource.customizations.knownTypeFields.apps_Deployment",
            "- field: spec.x\n  type: core/v1/PodSpec\n",
        ),
    ]);
    let kinds: Vec<&str> = settings.customisations.by_kind.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["*/*", "Secret", "apps/Deployment", "example.com/*"]);
    let rules = settings.customisations.ignore_differences();
    let found: Vec<_> = rules.iter().map(|rule| (rule.group.as_str(), rule.kind.as_str())).collect();
    assert_eq!(found, [("*", "*"), ("", "Secret"), ("apps", "Deployment")]);
    assert_eq!(rules[2].json_pointers, ["/spec/replicas"]);
    assert_eq!(settings.customisations.ignore_resource_updates()[0].group, "example.com");
    assert_eq!(
        settings.customisations.by_kind["apps/Deployment"].known_type_fields[0].type_,
        "core/v1/PodSpec"
    );
}

#[test]
fn a_script_that_is_not_run_is_a_problem() {
    let (settings, problems) = of_cm(&[("resource.customizations.health.example.com_Widget", "return {}")]);
    assert!(settings.customisations.by_kind.contains_key("example.com/Widget"));
    assert!(problems[0].message.contains("example.com/Widget"), "{problems:?}");
}

// covers: CFG-028, CFG-029
#[test]
fn tools_have_options_for_all_and_for_single_versions() {
    let tools = without_problems(&[
        ("kustomize.buildOptions", "--enable-helm"),
        ("kustomize.buildOptions.v5", "--load-restrictor LoadRestrictionsNone"),
        ("kustomize.path.v5", "/usr/local/bin/kustomize-5"),
        ("kustomize.version.v4", "/usr/local/bin/kustomize-4"),
        ("helm.valuesFileSchemes", ""),
    ])
    .tools;
    assert_eq!(tools.kustomize_build_options, "--enable-helm");
    assert_eq!(tools.kustomize_versions["v5"].path, "/usr/local/bin/kustomize-5");
    assert_eq!(tools.kustomize_versions["v4"].path, "/usr/local/bin/kustomize-4");
    assert_eq!(
        tools.kustomize_versions["v5"].build_options.as_deref(),
        Some("--load-restrictor LoadRestrictionsNone")
    );
    assert!(tools.helm_values_file_schemes.is_empty());
    assert_eq!(without_problems(&[]).tools.helm_values_file_schemes, ["https", "http"]);
}

// covers: CFG-030
#[test]
fn global_projects_are_a_list_of_selectors() {
    let settings = without_problems(&[(
        "globalProjects",
        "- projectName: base\n  labelSelector:\n    matchExpressions:\n    - {key: team, operator: In, values: [a]}\n",
    )]);
    assert_eq!(settings.global_projects[0].project_name, "base");
    assert_eq!(settings.global_projects[0].label_selector.match_expressions[0].operator, "In");
}

// covers: USR-001, USR-003, USR-005, CFG-008, CFG-048, CFG-049
#[test]
fn accounts_have_capabilities_passwords_and_tokens() {
    let (settings, problems) = Settings::parse(&SettingsInput {
        argocd_cm: map(&[
            ("accounts.ci", "apiKey"),
            ("accounts.alice", "login, apiKey"),
            ("accounts.alice.enabled", "false"),
            ("accounts.admin", "apiKey"),
        ]),
        argocd_secret: bytes(&[
            ("admin.password", "$2a$10$hash"),
            ("admin.passwordMtime", "2024-01-02T03:04:05Z"),
            ("accounts.ci.tokens", r#"[{"id":"t1","iat":10,"exp":20},{"id":"t2","iat":11}]"#),
            ("server.secretkey", "key"),
        ]),
        ..SettingsInput::default()
    });
    assert_eq!(problems, []);
    let admin = settings.accounts.get("admin").unwrap();
    assert_eq!(admin.password_hash.expose(), "$2a$10$hash");
    assert_eq!(admin.password_mtime.unwrap().to_string(), "2024-01-02T03:04:05Z");
    assert!(admin.has(Capability::ApiKey) && admin.has(Capability::Login));
    let alice = settings.accounts.get("alice").unwrap();
    assert!(!alice.enabled && alice.has(Capability::Login));
    let ci = settings.accounts.get("ci").unwrap();
    assert!(!ci.has(Capability::Login));
    assert_eq!(ci.token("t1").unwrap().expires_at, 20);
    assert_eq!(ci.token("t2").unwrap().expires_at, 0);
    assert_eq!(settings.session.signature_key.expose(), b"key");
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let (settings, problems) = Settings::parse(&SettingsInput {
        argocd_secret: bytes(&[
            ("admin.password", "s3cret"),
            ("accounts.x.tokens", "[s3cret]"),
            ("k", "s3cret"),
        ]),
        argocd_cm: map(&[("accounts.x", "apiKey")]),
        repository_secrets: vec![secret(
            "r",
            &[("url", "https://git/a"), ("password", "s3cret"), ("depth", "s3cret")],
        )],
        cluster_secrets: vec![
            secret("c", &[("server", "https://c"), ("config", r#"{"bearerToken":"s3cret"}"#)]),
            secret("d", &[("server", "https://d"), ("config", r#"{"insecure":"s3cret""#)]),
        ],
        ..SettingsInput::default()
    });
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(!format!("{settings:?} {problems:?}").contains("s3cret"));
}

// covers: CFG-052
#[test]
fn a_value_with_a_dollar_is_a_key_of_the_secret() {
    let (settings, _) = Settings::parse(&SettingsInput {
        argocd_secret: bytes(&[("oidc.secret", "hidden\n")]),
        ..SettingsInput::default()
    });
    assert_eq!(settings.resolve("$oidc.secret"), "hidden");
    assert_eq!(settings.resolve("$missing"), "$missing");
    assert_eq!(settings.resolve("plain"), "plain");
}

// covers: GIT-007
#[test]
fn urls_are_compared_after_normalisation() {
    for (one, other) in [
        ("https://github.com/Org/Repo.git", " https://github.com/org/repo"),
        ("git@github.com:org/repo.git", "ssh://git@github.com/org/repo"),
        ("git@github.com:org/repo", "GIT@github.com:org/repo.GIT"),
    ] {
        assert!(same_url(one, other), "{one} {other}");
    }
    assert!(!same_url("https://github.com/org/repo", "https://github.com/org/repo/"));
    assert!(!same_url("https://github.com/org/repo", "git@github.com:org/repo"));
    assert_eq!(normalise_url("https://user@host:8443/a.git"), "https://user@host:8443/a");
    assert_eq!(normalise_url("ssh://git@host:2222/a.git"), "git@host:2222/a");
}

// covers: GIT-001
#[test]
fn a_repository_secret_is_read_whole() {
    let (settings, problems) = repositories(
        &[secret(
            "r",
            &[
                ("url", "https://git.example.com/a"),
                ("type", "git"),
                ("username", "u"),
                ("password", " p "),
                ("bearerToken", "t"),
                ("sshPrivateKey", "k\n"),
                ("tlsClientCertData", "c"),
                ("tlsClientCertKey", "ck"),
                ("insecure", "true"),
                ("insecureIgnoreHostKey", "true"),
                ("enableLfs", "true"),
                ("proxy", "http://proxy"),
                ("noProxy", "a,b"),
                ("depth", "1"),
                ("githubAppID", "7"),
                ("azureServicePrincipalClientId", "az"),
            ],
        )],
        &[],
    );
    assert_eq!(problems, []);
    let found = settings.repositories.repository_for("https://git.example.com/A.git", "any");
    assert_eq!((found.username.as_str(), found.password.expose()), ("u", " p "));
    assert_eq!((found.bearer_token.expose(), found.ssh_private_key.expose()), ("t", "k\n"));
    assert_eq!((found.tls_client_cert_data.as_str(), found.tls_client_cert_key.expose()), ("c", "ck"));
    assert!(found.insecure && found.insecure_ignore_host_key && found.enable_lfs);
    assert_eq!((found.proxy.as_str(), found.no_proxy.as_str(), found.depth), ("http://proxy", "a,b", 1));
    assert_eq!((found.github_app_id, found.azure_service_principal_client_id.as_str()), (7, "az"));
    assert!(!found.inherited_creds);
}

// covers: GIT-002
#[test]
fn the_template_with_the_longest_beginning_fills_what_a_repository_lacks() {
    let (settings, _) = repositories(
        &[
            secret("bare", &[("url", "https://git/org/bare"), ("proxy", "http://own")]),
            secret("own", &[("url", "https://git/org/own"), ("username", "me"), ("password", "mine")]),
        ],
        &[
            secret("a", &[("url", "https://git"), ("username", "wide")]),
            secret(
                "b",
                &[
                    ("url", "https://git/org"),
                    ("username", "narrow"),
                    ("proxy", "http://template"),
                    ("azureServicePrincipalClientID", "az"),
                ],
            ),
        ],
    );
    let find = |url: &str| settings.repositories.repository_for(url, "");
    let bare = find("https://git/org/bare");
    assert_eq!(
        (bare.username.as_str(), bare.proxy.as_str(), bare.inherited_creds),
        ("narrow", "http://own", true)
    );
    assert_eq!(bare.azure_service_principal_client_id, "az");
    let own = find("https://git/org/own");
    assert_eq!((own.username.as_str(), own.proxy.as_str(), own.inherited_creds), ("me", "", false));
    let unregistered = find("https://git/else/repo");
    assert_eq!(
        (unregistered.repo.as_str(), unregistered.username.as_str()),
        ("https://git/else/repo", "wide")
    );
    let unknown = find("https://other/repo");
    assert_eq!((unknown.username.as_str(), unknown.inherited_creds), ("", false));
}

// covers: GIT-010
#[test]
fn a_repository_of_the_project_wins_over_one_for_all_and_other_projects_do_not_see_it() {
    let url = "https://git/a";
    let (settings, _) = repositories(
        &[
            secret("a", &[("url", url), ("username", "all")]),
            secret("b", &[("url", url), ("username", "team"), ("project", "team")]),
            secret("c", &[("url", "https://git/b"), ("username", "team"), ("project", "team")]),
        ],
        &[],
    );
    let user = |url: &str, project: &str| settings.repositories.repository_for(url, project).username;
    assert_eq!(user(url, "team"), "team");
    assert_eq!(user(url, "other"), "all");
    assert_eq!(user("https://git/b", "other"), "");
    assert_eq!(settings.repositories.of_project("team").count(), 2);
    assert_eq!(settings.repositories.of_project("").count(), 0);
}

// covers: CLU-002
#[test]
fn a_cluster_secret_is_read_whole() {
    let mut data = secret(
        "c",
        &[
            ("name", "prod"),
            ("server", "https://1.2.3.4/"),
            ("namespaces", "a, b"),
            ("clusterResources", "true"),
            ("project", "team"),
            ("shard", "1"),
            (
                "config",
                r#"{"bearerToken":"t","username":"u","password":"p",
                          "tlsClientConfig":{"caData":"Y2E=","serverName":"s"}}"#,
            ),
        ],
    );
    data.labels = map(&[("argocd.argoproj.io/secret-type", "cluster"), ("env", "prod")]);
    data.annotations = map(&[("argocd.argoproj.io/refresh", "2024-01-02T03:04:05Z")]);
    let (settings, problems) = clusters(&[data], &[]);
    assert_eq!(problems, []);
    let cluster = settings.clusters.by_server("https://1.2.3.4").unwrap();
    assert_eq!((cluster.name.as_str(), cluster.project.as_str(), cluster.shard), ("prod", "team", Some(1)));
    assert_eq!(cluster.namespaces, ["a", "b"]);
    assert!(cluster.cluster_resources && cluster.refresh_requested_at.is_some());
    assert_eq!(cluster.config.bearer_token.expose(), "t");
    assert_eq!(cluster.config.tls_client_config.ca_data.expose(), b"ca");
    assert_eq!(cluster.labels, map(&[("env", "prod")]));
    assert_eq!(settings.clusters.of_project("team").count(), 1);
}

// covers: APP-032
#[test]
fn a_destination_means_one_cluster_or_is_an_error_in_the_words_of_the_reference() {
    let all = [
        secret("a", &[("name", "prod"), ("server", "https://a")]),
        secret("b", &[("name", "twin"), ("server", "https://b")]),
        secret("c", &[("name", "twin"), ("server", "https://c")]),
    ];
    let (settings, _) = clusters(&all, &[]);
    let resolve = |server: &str, name: &str| {
        let destination = ApplicationDestination {
            server: server.into(),
            name: name.into(),
            ..ApplicationDestination::default()
        };
        settings
            .clusters
            .resolve(&destination)
            .map(|cluster| cluster.server.clone())
            .map_err(|error| error.to_string())
    };
    assert_eq!(resolve("https://a/", ""), Ok("https://a".into()));
    assert_eq!(resolve("", "prod"), Ok("https://a".into()));
    assert_eq!(resolve("", "in-cluster"), Ok(IN_CLUSTER_SERVER.into()));
    for (server, name, expected) in [
        ("", "", "Destination server missing from app spec"),
        (
            "https://a",
            "prod",
            "application destination can't have both name and server defined: prod https://a",
        ),
        ("", "nope", "there are no clusters with this name: nope"),
        ("", "twin", "there are 2 clusters with the same name: [https://b https://c]"),
        ("https://x", "", "error getting cluster by server \"https://x\": cluster \"https://x\" not found"),
    ] {
        assert_eq!(resolve(server, name), Err(expected.into()));
    }
}

// covers: CFG-036, CLU-010
#[test]
fn the_own_cluster_can_be_switched_off_or_renamed_by_a_secret() {
    let own = secret("own", &[("name", "home"), ("server", "https://kubernetes.default.svc/")]);
    let (settings, _) = clusters(std::slice::from_ref(&own), &[]);
    assert_eq!(settings.clusters.by_server(IN_CLUSTER_SERVER).unwrap().name, "home");
    assert_eq!(settings.clusters.iter().count(), 1);
    let (settings, _) = clusters(&[own], &[("cluster.inClusterEnabled", "false")]);
    assert_eq!(settings.clusters.iter().count(), 0);
    let destination =
        ApplicationDestination { server: IN_CLUSTER_SERVER.into(), ..ApplicationDestination::default() };
    let error = settings.clusters.resolve(&destination).unwrap_err().to_string();
    assert!(error.ends_with("is disabled"), "{error}");
}

#[test]
fn a_broken_cluster_secret_is_left_out_and_hides_no_other() {
    let (settings, problems) = clusters(
        &[
            secret("a", &[("name", "x"), ("server", "https://a"), ("config", "{")]),
            secret("b", &[("name", "x")]),
            secret(
                "c",
                &[
                    ("server", "https://c"),
                    ("config", r#"{"tlsClientConfig":{"insecure":true,"caData":"Y2E="}}"#),
                ],
            ),
            secret("d", &[("server", "https://d")]),
            secret("e", &[("server", "https://d/")]),
        ],
        &[],
    );
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(settings.clusters.iter().filter(|cluster| cluster.server != IN_CLUSTER_SERVER).count(), 1);
}

// covers: GIT-031, GIT-032
#[test]
fn certificates_are_found_by_host_and_known_hosts_are_kept() {
    let (settings, _) = Settings::parse(&SettingsInput {
        ssh_known_hosts_cm: map(&[("ssh_known_hosts", "host ssh-rsa AAA")]),
        tls_certs_cm: map(&[("git.example.com", "PEM")]),
        ..SettingsInput::default()
    });
    assert_eq!(settings.trust.known_hosts, "host ssh-rsa AAA");
    for url in ["https://git.example.com/a", "https://u:p@GIT.example.com:8443/a", "git.example.com"] {
        assert_eq!(settings.trust.ca_bundle_for(url), Some("PEM"), "{url}");
    }
    assert_eq!(settings.trust.ca_bundle_for("https://example.com"), None);
}

// covers: RBA-002, RBA-005, CFG-053
#[test]
fn the_policy_is_put_together_from_all_its_keys() {
    let (settings, problems) = Settings::parse(&SettingsInput {
        argocd_rbac_cm: map(&[
            ("policy.csv", "p, a, b, c, d, allow"),
            ("policy.z.csv", "last"),
            ("policy.a.csv", "first"),
            ("policy.default", "role:readonly"),
            ("policy.matchMode", "regex"),
            ("scopes", "[groups, email]"),
        ]),
        ..SettingsInput::default()
    });
    assert_eq!(problems, []);
    assert_eq!(settings.rbac.policy, "p, a, b, c, d, allow\nfirst\nlast");
    assert_eq!(settings.rbac.default_role, "role:readonly");
    assert_eq!(settings.rbac.match_mode, MatchMode::Regex);
    assert_eq!(settings.rbac.scopes, ["groups", "email"]);
    assert_eq!(Settings::default().rbac.scopes, ["groups"]);
}

#[test]
fn a_secret_is_read_as_the_api_server_gives_it() {
    let object = json!({"metadata": {"name": "s", "labels": {"a": "b"}}, "data": {"k": "dg=="}});
    let read = SecretData::from_object(&object).unwrap();
    assert_eq!((read.name.as_str(), read.data["k"].expose()), ("s", b"v".as_slice()));
    assert!(SecretData::from_object(&json!({"metadata": {"name": "s"}})).unwrap().data.is_empty());
    assert!(SecretData::from_object(&json!({"metadata": {"name": "s"}, "data": {"k": "!"}})).is_err());
}
