//! `argocd-rbac-cm`: the policy as text and how it is to be read. What it permits is `tiphys-rbac`'s.

use std::collections::BTreeMap;

use crate::Problem;
use crate::reading::Reader;

/// How resources, actions and objects of a policy are matched (`policy.matchMode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchMode {
    /// As globs.
    #[default]
    Glob,
    /// As regular expressions.
    Regex,
}

/// Who may do what, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RbacSettings {
    /// `policy.csv`, and after it every `policy.<name>.csv` in the order of their names.
    pub policy: String,
    /// Role of every user (`policy.default`); empty for none.
    pub default_role: String,
    /// How patterns are matched.
    pub match_mode: MatchMode,
    /// Claims whose values are a user's groups (`scopes`).
    pub scopes: Vec<String>,
}

impl RbacSettings {
    pub(crate) fn read(cm: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Self {
        let mut reader = Reader::new("argocd-rbac-cm", cm, problems);
        let mut policy = reader.raw("policy.csv").unwrap_or_default().to_owned();
        for (key, value) in reader.entries() {
            if key.starts_with("policy.") && key.ends_with(".csv") && key != "policy.csv" {
                policy.push('\n');
                policy.push_str(value);
            }
        }
        let match_mode = match reader.text("policy.matchMode") {
            None | Some("glob") => MatchMode::Glob,
            Some("regex") => MatchMode::Regex,
            Some(other) => {
                reader.problem(
                    "policy.matchMode",
                    format!("`{other}` is neither glob nor regex; glob is used"),
                );
                MatchMode::Glob
            }
        };
        let scopes = reader.yaml("scopes").unwrap_or_else(|| vec!["groups".to_owned()]);
        let default_role = reader.text("policy.default").unwrap_or_default().to_owned();
        Self { policy, default_role, match_mode, scopes }
    }
}
