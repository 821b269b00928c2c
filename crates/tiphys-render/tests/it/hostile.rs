//! Repositories that want to read what is not theirs, or never to end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiphys_render::RenderError;
use tiphys_test_kit::GitRepo;

use super::support::{Bench, config_map, names, text};

const CHART: &str = "apiVersion: v2\nname: chart\nversion: 0.1.0\n";

/// Files that must never be in an answer: what they hold is told apart from everything else.
struct Canary(tempfile::TempDir);

impl Canary {
    const WORD: &str = "c4n4ry-c4n4ry";

    fn new() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        std::fs::write(
            folder.path().join("secret.yaml"),
            format!("{}  x: {}\n", config_map("s"), Self::WORD),
        )
        .unwrap();
        Self(folder)
    }

    fn file(&self) -> String {
        self.0.path().join("secret.yaml").display().to_string()
    }

    fn folder(&self) -> String {
        self.0.path().display().to_string()
    }
}

// covers: TOOL-013
#[tokio::test]
async fn links_out_of_the_repository_are_refused_wherever_a_tool_would_follow_them() {
    let canary = Canary::new();
    let bench = Bench::new();
    let up = format!("{}{}", "../".repeat(20), canary.file().trim_start_matches('/'));
    let places = [
        ("plain/x.yaml", json!({"path": "plain"})),
        ("chart/values.yaml", json!({"path": "chart"})),
        ("chart/Chart.yaml", json!({"path": "chart"})),
        ("chart/templates/x.yaml", json!({"path": "chart"})),
        ("chart/more.yaml", json!({"path": "chart", "helm": {"valueFiles": ["more.yaml"]}})),
        ("elsewhere/more.yaml", json!({"path": "chart", "helm": {"valueFiles": ["/elsewhere/more.yaml"]}})),
        (
            "elsewhere/more.yaml",
            json!({"path": "chart", "helm": {"fileParameters": [{"name": "a", "path": "../elsewhere/more.yaml"}]}}),
        ),
        ("kustomize/cm.yaml", json!({"path": "kustomize"})),
        ("kustomize/kustomization.yaml", json!({"path": "kustomize"})),
        ("plain/.argocd-source.yaml", json!({"path": "plain"})),
    ];
    for (link, source) in places {
        for target in [canary.file(), up.clone(), "/proc/self/environ".to_owned(), "hop".to_owned()] {
            let repo = GitRepo::with_files([
                ("plain/a.yaml", config_map("a").as_str()),
                ("chart/Chart.yaml", CHART),
                ("chart/templates/a.yaml", "{{ .Values | toJson }}"),
                ("kustomize/kustomization.yaml", "resources: [cm.yaml]\n"),
                ("kustomize/cm.yaml", &config_map("cm")),
            ])
            .unwrap();
            let folder = link.rsplit_once('/').unwrap().0;
            if repo.work_tree().join(link).exists() {
                repo.remove(link).unwrap();
            }
            repo.symlink(link, &target).unwrap();
            repo.symlink(&format!("{folder}/hop"), &canary.file()).unwrap();
            repo.commit("hostile").unwrap();
            let error = bench.error(&repo, source.clone()).await;
            assert!(
                error.starts_with("repository contains out-of-bounds symlinks. file: "),
                "{link} -> {target}: {error}"
            );
            assert!(!error.contains(Canary::WORD));
        }
    }
    assert!(bench.nothing_left());
}

#[tokio::test]
async fn a_folder_that_is_a_link_out_is_refused() {
    let canary = Canary::new();
    let bench = Bench::new();
    let repo = GitRepo::with_files([
        ("chart/Chart.yaml", CHART),
        ("kustomize/kustomization.yaml", "resources: [../out]\n"),
        ("plain/a.yaml", &config_map("a")),
    ])
    .unwrap();
    for link in ["out", "chart/templates", "plain/sub"] {
        repo.symlink(link, &canary.folder()).unwrap();
    }
    repo.commit("hostile").unwrap();
    let sources = [
        json!({"path": "out"}),
        json!({"path": "out/."}),
        json!({"path": "chart"}),
        json!({"path": "kustomize"}),
        json!({"path": "plain", "directory": {"recurse": true}}),
        json!({"path": "chart", "helm": {"valueFiles": ["/out/secret.yaml"]}}),
        json!({"path": "chart", "helm": {"valueFiles": ["/out/*.yaml"]}}),
    ];
    for source in sources {
        let error = bench.error(&repo, source.clone()).await;
        assert!(error.contains("out-of-bounds symlinks"), "{source}: {error}");
    }
}

#[tokio::test]
async fn value_files_beyond_the_root_are_refused_however_they_are_written() {
    let canary = Canary::new();
    let bench = Bench::new();
    let repo = GitRepo::with_files([
        ("chart/Chart.yaml", CHART),
        ("chart/templates/a.yaml", "{{ .Values | toJson }}"),
    ])
    .unwrap();
    let up = format!("{}{}", "../".repeat(20), canary.file().trim_start_matches('/'));
    let long = "a/".repeat(3000);
    let written = [
        up.as_str(),
        &format!("/{up}"),
        &format!("a/../{up}"),
        &canary.file(),
        &format!("/{}", canary.file()),
        "../../*.yaml",
        "*/../../../*.yaml",
        "a\0b",
        &long,
        "file:///etc/passwd",
        "%2e%2e/secret.yaml",
        "ftp://example.com/x",
        "$values/../x",
    ];
    for path in written {
        for helm in [json!({"valueFiles": [path]}), json!({"fileParameters": [{"name": "a", "path": path}]})]
        {
            let mut inputs = bench.inputs(&repo, json!({"path": "chart", "helm": helm})).await;
            inputs.references.insert("values".into(), bench.reference(&repo).await);
            let error = text(&bench.run(&inputs).await.unwrap_err());
            assert!(!error.contains(Canary::WORD), "{path}: {error}");
        }
    }
    // `--set` reads no files: an @ is an @.
    let at = json!({"path": "chart", "helm": {"parameters": [{"name": "a", "value": format!("@{}", canary.file())}]}});
    repo.write(
        "chart/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ .Values.a | quote }}}\n",
    )
    .unwrap();
    repo.commit("a").unwrap();
    assert_eq!(bench.objects(&repo, at).await[0]["data"]["a"], format!("@{}", canary.file()));
}

#[tokio::test]
async fn a_chart_sees_neither_environment_nor_files_nor_cluster() {
    let canary = Canary::new();
    let template = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  up: {{{{ .Files.Get \"../../../../secret\" | quote }}}}\n  abs: {{{{ .Files.Get \"{}\" | quote }}}}\n  lookup: {{{{ lookup \"v1\" \"Secret\" \"\" \"\" | toJson | quote }}}}\n  host: {{{{ getHostByName \"localhost\" | quote }}}}\n",
        canary.file()
    );
    let repo =
        GitRepo::with_files([("chart/Chart.yaml", CHART), ("chart/templates/a.yaml", &template)]).unwrap();
    let objects = Bench::new().objects(&repo, json!({"path": "chart"})).await;
    assert_eq!(objects[0]["data"], json!({"up": "", "abs": "", "lookup": "{}", "host": ""}));
}

#[tokio::test]
async fn texts_that_look_like_options_are_texts() {
    let canary = Canary::new();
    let bench = Bench::new();
    let repo = GitRepo::with_files([
        ("k/kustomization.yaml", "resources: [cm.yaml]\n"),
        ("k/cm.yaml", &config_map("cm")),
        ("-x/kustomization.yaml", "resources: [cm.yaml]\n"),
        ("-x/cm.yaml", &config_map("dash")),
        ("--help/Chart.yaml", CHART),
        ("--help/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {a: {{ .Values.a | quote }}}\n"),
    ])
    .unwrap();
    assert_eq!(names(&bench.objects(&repo, json!({"path": "-x"})).await), ["dash"]);
    assert_eq!(names(&bench.objects(&repo, json!({"path": "--help"})).await), ["web"]);
    let option = format!("--post-renderer={}", canary.file());
    let hostile: [Value; 9] = [
        json!({"namePrefix": "-h"}),
        json!({"namePrefix": "--help"}),
        json!({"nameSuffix": "--stack-trace"}),
        json!({"namespace": "--help"}),
        json!({"images": ["--help"]}),
        json!({"replicas": [{"name": "--help", "count": 1}]}),
        json!({"commonLabels": {"--help": "x"}}),
        json!({"commonAnnotations": {"-h": option}}),
        json!({"components": ["--help"]}),
    ];
    for kustomize in hostile {
        let result = bench.render(&repo, json!({"path": "k", "kustomize": kustomize})).await;
        match result {
            // A usage text would be printed instead of manifests.
            Ok(rendered) => assert_eq!(rendered.count, 1, "{kustomize}"),
            Err(error) => {
                assert!(!text(&error).contains("Usage:\n  kustomize [command]"), "{kustomize}: {error}");
            }
        }
    }
    let prefixed = bench.objects(&repo, json!({"path": "k", "kustomize": {"namePrefix": "--help"}})).await;
    assert_eq!(names(&prefixed), ["--helpcm"]);
    let set = json!({"path": "--help", "helm": {"parameters": [{"name": "a", "value": "--kubeconfig=x"}], "namespace": "--help"}});
    assert_eq!(bench.objects(&repo, set).await[0]["data"]["a"], "--kubeconfig=x");
    for release in ["--kubeconfig=x", "{{ env \"HOME\" }}"] {
        assert!(
            bench.render(&repo, json!({"path": "--help", "helm": {"releaseName": release}})).await.is_err()
        );
    }
}

// covers: TOOL-023
#[tokio::test]
async fn a_template_that_never_ends_is_ended() {
    let endless = "{{- define \"loop\" -}}{{- range until 100000 -}}{{- range until 100000 -}}{{- range until 100000 -}}{{ $x := sha256sum \"a\" }}{{- end -}}{{- end -}}{{- end -}}{{- end -}}{{ include \"loop\" . }}";
    let repo =
        GitRepo::with_files([("chart/Chart.yaml", CHART), ("chart/templates/a.yaml", endless)]).unwrap();
    let bench = Bench::with(|limits| {
        limits.tool_timeout = Duration::from_secs(2);
        limits.tool_grace = Duration::from_secs(1);
    });
    let start = Instant::now();
    let error = bench.render(&repo, json!({"path": "chart"})).await.unwrap_err();
    assert!(matches!(error, RenderError::ToolTimeout { seconds: 2, .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(bench.nothing_left());
}

#[tokio::test]
async fn a_tool_that_forks_ignores_signals_and_prints_without_end_is_ended_with_its_children() {
    let folder = tempfile::TempDir::new().unwrap();
    let program = |name: &str, script: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let marker = folder.path().join("child");
    let stubborn = format!(
        "trap '' TERM\n(trap '' TERM; echo $$ > {m}; while :; do sleep 0.05; done) &\nwhile :; do sleep 0.05; done",
        m = marker.display()
    );
    let repo = GitRepo::with_files([("k/kustomization.yaml", "resources: []\n")]).unwrap();
    let limits = || tiphys_render::Limits {
        tool_timeout: Duration::from_secs(1),
        tool_grace: Duration::from_millis(300),
        output_bytes: 1 << 20,
        ..Default::default()
    };
    let with = |path| tiphys_render::Toolbox { kustomize: Some(path), ..Default::default() };
    let bench = Bench::of(with(program("stubborn", &stubborn)), limits());
    let error = bench.render(&repo, json!({"path": "k"})).await.unwrap_err();
    assert!(matches!(error, RenderError::ToolTimeout { .. }), "{error}");
    let group: i32 = std::fs::read_to_string(&marker).unwrap().trim().parse().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    // The group is empty once init has collected its members.
    while alive(group) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!alive(group));

    let bench = Bench::of(with(program("loud", "while :; do echo 'a: b'; done")), limits());
    let error = bench.render(&repo, json!({"path": "k"})).await.unwrap_err();
    assert!(matches!(error, RenderError::TooLarge { .. }), "{error}");

    let bench =
        Bench::of(with(program("half", "echo 'apiVersion: v1'; echo 'kind: ConfigMap'; exit 3")), limits());
    let error = bench.error(&repo, json!({"path": "k"})).await;
    assert!(error.contains("exit status 3"), "{error}");

    let bench = Bench::of(with(program("environment", "env >&2; exit 1")), limits());
    let error = bench.error(&repo, json!({"path": "k"})).await;
    assert!(error.contains("GIT_TERMINAL_PROMPT=0"), "{error}");
    for name in ["CARGO", "USER=", "SSH_", "KUBECONFIG", "ARGOCD", "TIPHYS"] {
        let seen = error.lines().any(|line| line.starts_with(name));
        assert!(!seen, "{name} is seen: {error}");
    }
}

fn alive(group: i32) -> bool {
    let stat = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stat.into_iter().any(|stat| {
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, group_field) = (fields.next(), fields.nth(1));
        state != Some("Z") && group_field == Some(&group.to_string())
    })
}

// covers: TOOL-014
#[tokio::test]
async fn yaml_bombs_and_huge_files_are_errors_and_quick_ones() {
    let mut bomb =
        String::from("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for n in 1..10 {
        let before = format!("*a{}", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", [before.as_str(); 9].join(",")));
    }
    let deep = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nx: {}{}\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let json_deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".repeat(60_000);
    let merges = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nb0: &b0 {{a: b}}\n{}",
        (1..40).map(|n| format!("b{n}: &b{n} {{<<: [*b{m}, *b{m}]}}\n", m = n - 1)).collect::<String>()
    );
    let bench = Bench::new();
    let mut failed = 0;
    for (name, text) in [
        ("bomb.yaml", bomb),
        ("deep.yaml", deep),
        ("deep.json", json_deep),
        ("many.yaml", many),
        ("merges.yaml", merges),
    ] {
        let repo = GitRepo::with_files([(format!("d/{name}"), text)]).unwrap();
        let start = Instant::now();
        let result = bench.render(&repo, json!({"path": "d"})).await;
        failed += usize::from(result.is_err());
        assert!(result.is_err() || name == "merges.yaml", "{name}");
        assert!(start.elapsed() < Duration::from_secs(60), "{name} took {:?}", start.elapsed());
    }
    assert!(failed >= 4);
}
