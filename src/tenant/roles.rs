//! Which role each call needs, and what a token tells about the roles it holds.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The role templates of plan `api` on Cloud Foundry that this program's calls need (SAP Help, "Tasks and Permissions").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read packages and design-time artifacts; `WorkspacePackagesEdit` serves as well.
    PackagesRead,
    /// Create and update packages and artifacts.
    PackagesEdit,
    /// Write parameters.
    PackagesConfigure,
    /// Deploy, and ask for the task.
    ArtifactsDeploy,
    /// Read what runs and why something failed.
    MonitoringRead,
}

impl Role {
    /// The name as the cockpit shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::PackagesRead => "WorkspacePackagesRead",
            Role::PackagesEdit => "WorkspacePackagesEdit",
            Role::PackagesConfigure => "WorkspacePackagesConfigure",
            Role::ArtifactsDeploy => "WorkspaceArtifactsDeploy",
            Role::MonitoringRead => "MonitoringDataRead",
        }
    }

    fn held_by(self, held: &BTreeSet<String>) -> bool {
        held.contains(self.name())
            || (self == Role::PackagesRead && held.contains(Role::PackagesEdit.name()))
    }
}

/// Single role templates; a token with any other scope (umbrella roles, custom ones) is not second-guessed.
const SINGLE: [&str; 20] = [
    "WorkspacePackagesRead",
    "WorkspacePackagesEdit",
    "WorkspacePackagesConfigure",
    "WorkspaceArtifactsDeploy",
    "MonitoringArtifactsDeploy",
    "MonitoringDataRead",
    "AccessAllAccessPoliciesArtifacts",
    "AccessPoliciesRead",
    "AccessPoliciesEdit",
    "MessagePayloadsRead",
    "TraceConfigurationRead",
    "TraceConfigurationEdit",
    "CredentialsRead",
    "CredentialsEdit",
    "SecurityMaterialEdit",
    "SecurityMaterialDownload",
    "WorkspaceArtifactLocksRead",
    "WorkspaceArtifactLocksDelete",
    "WorkspacePackagesTransport",
    "DataStoresAndQueuesRead",
];

/// What the payload of an access token tells; all of it optional, for diagnosis only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The scopes, without the tenant's own prefix; `None` when the token names none.
    pub roles: Option<BTreeSet<String>>,
    /// The names under which the tenant may know this client.
    pub identities: Vec<String>,
}

impl Claims {
    /// Reads a JWT's payload without checking its signature; empty for any other token.
    #[must_use]
    pub fn read(token: &str) -> Self {
        let payload = token
            .split('.')
            .nth(1)
            .and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
        let Some(claims) = payload.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        else {
            return Self::default();
        };
        Self {
            roles: roles(&claims),
            identities: identities(&claims),
        }
    }

    /// The roles in the `scope` text of a token answer.
    #[must_use]
    pub fn from_scope(scope: &str) -> Option<BTreeSet<String>> {
        names(scope.split_whitespace())
    }

    /// Those of the `needed` roles that this token certainly lacks. Empty when it names no scopes, or any that is no
    /// known single role: then the tenant decides.
    #[must_use]
    pub fn lacking(&self, needed: &[Role]) -> Vec<Role> {
        match &self.roles {
            Some(held) if held.iter().all(|role| SINGLE.contains(&role.as_str())) => needed
                .iter()
                .copied()
                .filter(|role| !role.held_by(held))
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn roles(claims: &Value) -> Option<BTreeSet<String>> {
    match claims.get("scope")? {
        Value::Array(scopes) => names(scopes.iter().filter_map(Value::as_str)),
        Value::String(scopes) => names(scopes.split_whitespace()),
        _ => None,
    }
}

/// The role behind each scope `it!b1.WorkspacePackagesEdit`; the prefix is the tenant's own.
fn names<'a>(scopes: impl Iterator<Item = &'a str>) -> Option<BTreeSet<String>> {
    let roles: BTreeSet<String> = scopes
        .filter(|scope| *scope != "uaa.resource")
        .map(|scope| scope.rsplit('.').next().unwrap_or(scope).to_owned())
        .collect();
    (!roles.is_empty()).then_some(roles)
}

fn identities(claims: &Value) -> Vec<String> {
    [
        "client_id",
        "cid",
        "azp",
        "sub",
        "user_name",
        "user_id",
        "email",
    ]
    .iter()
    .filter_map(|name| claims.get(*name).and_then(Value::as_str))
    .filter(|name| !name.is_empty())
    .map(str::to_lowercase)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_missing_role_is_seen_only_when_every_scope_is_a_known_single_role() {
        let needed = [Role::PackagesRead, Role::ArtifactsDeploy];
        for (scopes, lacking) in [
            (
                r#"["it!b1.WorkspacePackagesEdit","uaa.resource"]"#,
                vec![Role::ArtifactsDeploy],
            ),
            (
                r#"["it!b1.WorkspacePackagesRead","it!b1.WorkspaceArtifactsDeploy"]"#,
                vec![],
            ),
            (
                r#"["it!b1.WorkspacePackagesRead","it!b1.AuthGroup_Administrator"]"#,
                vec![],
            ),
            (r#"["uaa.resource"]"#, vec![]),
            ("[]", vec![]),
        ] {
            let claims = Claims::read(&token(&format!(
                r#"{{"scope":{scopes},"client_id":"Sb-X"}}"#
            )));
            assert_eq!(claims.lacking(&needed), lacking, "{scopes}");
            assert_eq!(claims.identities, ["sb-x"]);
        }
    }

    #[test]
    fn any_other_token_tells_nothing() {
        for odd in ["", "opaque", "a.b.c", "..", "e30.e30.e30"] {
            assert_eq!(Claims::read(odd), Claims::default(), "{odd}");
        }
    }
}
