//! Which role each call needs, and what a token tells about the roles it holds.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::named::named;

named! {
    /// The role templates of plan `api` on Cloud Foundry that this program's calls need (SAP Help, "Tasks and Permissions").
    pub enum Role {
        /// Read packages and design-time artifacts; `WorkspacePackagesEdit` serves as well.
        PackagesRead = "WorkspacePackagesRead",
        /// Create and update packages and artifacts.
        PackagesEdit = "WorkspacePackagesEdit",
        /// Write parameters.
        PackagesConfigure = "WorkspacePackagesConfigure",
        /// Deploy, and ask for the task.
        ArtifactsDeploy = "WorkspaceArtifactsDeploy",
        /// Read what runs and why something failed.
        MonitoringRead = "MonitoringDataRead",
    }
}

impl Role {
    /// What it lets a client do, after "it lets a key".
    pub fn purpose(self) -> &'static str {
        match self {
            Role::PackagesRead => "read packages and artifacts",
            Role::PackagesEdit => "create packages, upload artifacts",
            Role::PackagesConfigure => "write externalized parameters",
            Role::ArtifactsDeploy => "deploy, undeploy, and follow a deployment",
            Role::MonitoringRead => "see what runs and why something failed",
        }
    }

    /// The older names of the same permissions: roles on Neo, and scopes in the tokens of many tenants on Cloud Foundry.
    pub fn older_names(self) -> &'static [&'static str] {
        match self {
            Role::PackagesRead => &["WebToolingWorkspace.Read"],
            Role::PackagesEdit => &["WebToolingWorkspace.Write"],
            Role::PackagesConfigure => &["WebTooling.IntegrationFlowConfigure"],
            Role::ArtifactsDeploy => &[
                "NodeManager.deploycontent",
                "GenerationAndBuild.generationandbuildcontent",
            ],
            Role::MonitoringRead => &["NodeManager.read", "IntegrationOperationServer.read"],
        }
    }

    fn held_by(self, scopes: &[String]) -> bool {
        self.named_by(scopes) || (self == Role::PackagesRead && Role::PackagesEdit.held_by(scopes))
    }

    fn named_by(self, scopes: &[String]) -> bool {
        let holds = |name: &str| scopes.iter().any(|scope| names(scope, name));
        holds(self.name()) || self.older_names().iter().all(|name| holds(name))
    }
}

/// Whether a scope names this role; the prefix in front of it is the tenant's own (cpi-api.md §1.3).
fn names(scope: &str, role: &str) -> bool {
    let prefix = scope.strip_suffix(role);
    prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

/// Sees artifacts that an access policy hides (cpi-api.md §1.4).
const ALL_ARTIFACTS: [&str; 2] = [
    "AccessAllAccessPoliciesArtifacts",
    "AccessPoliciesArtifacts.AccessAll",
];

/// Single role templates (cpi-api.md §1.5); a token with any other scope (umbrella roles, custom ones, older names) is
/// not second-guessed.
const SINGLE: [&str; 41] = [
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
    "DataStoresAndQueuesDelete",
    "DataStoresAndQueuesConfig",
    "DataStorePayloadsRead",
    "MessageProcessingLocksRead",
    "MessageProcessingLocksDelete",
    "CatalogPackagesRead",
    "CatalogPackageArtifactsRead",
    "CatalogPackagesCopy",
    "HealthCheckMonitoringDataRead",
    "ExternalLoggingActivate",
    "WorkspaceDesignGuidelinesConfigure",
    "UserRolesEdit",
    "DataArchivingActivate",
    "DataArchivingRead",
    "AuthGroup_TenantPartnerDirectoryConfigurator",
    "ESBMessaging.send",
    "MessageRetry",
    "ConfigurationServiceRuntimeBusinessDataRead",
    "B2BMonitoringDataRead",
    "B2BMonitoringDataWrite",
    "uaa.resource",
];

/// Whether a token holds a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// A scope names it.
    Held,
    /// Every scope is a known single role, and this one is not among them.
    Lacking,
    /// The token does not tell: no scopes, umbrella roles, or names of its own.
    Unknown,
}

/// What the payload of an access token tells; all of it optional, for diagnosis only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The scopes as they stand there; `None` when the token is opaque or has no such claim.
    pub scopes: Option<Vec<String>>,
    /// The names under which the tenant may know this client.
    pub identities: Vec<String>,
    /// When it was issued, in seconds since 1970.
    pub issued: Option<u64>,
    /// Until when it is valid, in seconds since 1970.
    pub expires: Option<u64>,
    /// The subdomain of the subaccount.
    pub subdomain: Option<String>,
    /// The id of the subaccount.
    pub subaccount: Option<String>,
}

impl Claims {
    /// Reads a JWT's payload without checking its signature; empty for any other token.
    pub fn read(token: &str) -> Self {
        let payload = token
            .split('.')
            .nth(1)
            .and_then(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
        let Some(claims) = payload.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        else {
            return Self::default();
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let attributes = claims.get("ext_attr");
        Self {
            scopes: scopes(&claims),
            identities: identities(&claims),
            issued: claims.get("iat").and_then(Value::as_u64),
            expires: claims.get("exp").and_then(Value::as_u64),
            subdomain: text(attributes.and_then(|all| all.get("zdn"))),
            subaccount: text(
                attributes
                    .and_then(|all| all.get("subaccountid"))
                    .or_else(|| claims.get("zid")),
            ),
        }
    }

    /// Takes the scopes of the answer that a token came in, where the token itself names none.
    pub fn complete(&mut self, scope: &str) {
        if self.scopes.is_none() && scope.contains('.') {
            self.scopes = Some(scope.split_whitespace().map(str::to_owned).collect());
        }
    }

    /// Whether this token holds a role.
    pub fn holds(&self, role: Role) -> Holding {
        let scopes = self.roles();
        if role.held_by(&scopes) {
            Holding::Held
        } else if !scopes.is_empty() && scopes.iter().all(|scope| is_single(scope)) {
            Holding::Lacking
        } else {
            Holding::Unknown
        }
    }

    /// These roles by their names; behind one that another serves for, that other one.
    pub fn in_words(&self, roles: &[Role]) -> String {
        let scopes = self.roles();
        let word = |role: &Role| match role {
            Role::PackagesRead if role.held_by(&scopes) && !role.named_by(&scopes) => {
                format!("{} (by {})", role.name(), Role::PackagesEdit.name())
            }
            role => role.name().to_owned(),
        };
        roles.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    /// Those of the `needed` roles that this token certainly lacks. Empty when it names no scopes, or any that is no
    /// known single role: then the tenant decides.
    pub fn lacking(&self, needed: &[Role]) -> Vec<Role> {
        let lacks = |role: &Role| self.holds(*role) == Holding::Lacking;
        needed.iter().copied().filter(lacks).collect()
    }

    /// The scopes that stand for roles.
    pub fn roles(&self) -> Vec<String> {
        let scopes = self.scopes.iter().flatten();
        scopes
            .filter(|scope| *scope != "uaa.resource")
            .cloned()
            .collect()
    }

    /// The scopes that are no known single role.
    pub fn unknown_scopes(&self) -> impl Iterator<Item = &str> {
        let scopes = self.scopes.iter().flatten().map(String::as_str);
        scopes.filter(|scope| !is_single(scope))
    }

    /// Whether it is a token of plan `integration-flow`: its only roles are those of callers of flows.
    pub fn is_of_caller(&self) -> bool {
        let roles = self.roles();
        !roles.is_empty() && roles.iter().all(|scope| scope.contains("ESBMessaging."))
    }

    /// Whether it is a token of API Management.
    pub fn is_of_api_management(&self) -> bool {
        let known = |text: &String| {
            let text = text.to_ascii_lowercase();
            text.contains("apiportal") || text.contains("apimanagement")
        };
        self.roles().iter().any(known) || self.identities.iter().any(known)
    }

    /// Whether it names scopes, and none of them is a role.
    pub fn is_without_roles(&self) -> bool {
        self.scopes.is_some() && self.roles().is_empty()
    }

    /// Whether artifacts under an access policy are seen; `None` when the token does not tell.
    pub fn sees_all_artifacts(&self) -> Option<bool> {
        let roles = self.roles();
        let sees = roles
            .iter()
            .any(|scope| ALL_ARTIFACTS.iter().any(|name| names(scope, name)));
        let tells = !roles.is_empty() && roles.iter().all(|scope| is_single(scope));
        (sees || tells).then_some(sees)
    }
}

fn is_single(scope: &str) -> bool {
    SINGLE.iter().any(|role| names(scope, role))
}

/// The scopes of a token, or of the answer that it came in.
pub fn scopes(claims: &Value) -> Option<Vec<String>> {
    match claims.get("scope")? {
        Value::Array(scopes) => {
            let texts = scopes.iter().filter_map(Value::as_str);
            Some(texts.map(str::to_owned).collect())
        }
        Value::String(scopes) => Some(scopes.split_whitespace().map(str::to_owned).collect()),
        _ => None,
    }
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
    fn older_names_are_understood_but_never_missed() {
        let scopes = [
            "it!b1.WebToolingWorkspace.Write",
            "it!b1.NodeManager.deploycontent",
            "it!b1.GenerationAndBuild.generationandbuildcontent",
            "it!b1.NodeManager.read",
            "uaa.resource",
        ];
        let claims = Claims {
            scopes: Some(scopes.map(str::to_owned).to_vec()),
            ..Claims::default()
        };
        for (role, holding) in [
            (Role::PackagesRead, Holding::Held),
            (Role::PackagesEdit, Holding::Held),
            (Role::ArtifactsDeploy, Holding::Held),
            (Role::MonitoringRead, Holding::Unknown),
            (Role::PackagesConfigure, Holding::Unknown),
        ] {
            assert_eq!(claims.holds(role), holding, "{role:?}");
        }
    }

    #[test]
    fn what_a_token_tells_of_itself() {
        let read = |claims: &str| Claims::read(&token(claims));
        let caller = read(r#"{"scope":["it-rt-x!b1.ESBMessaging.send","uaa.resource"]}"#);
        assert!(caller.is_of_caller() && !caller.is_without_roles());
        assert_eq!(caller.lacking(&[Role::PackagesRead]), [Role::PackagesRead]);
        assert!(
            read(r#"{"scope":["apiportal-x!b1.APIPortal.Administrator"]}"#).is_of_api_management()
        );
        assert!(read(r#"{"scope":["uaa.resource"]}"#).is_without_roles());
        assert!(!read("{}").is_without_roles());
        let told = read(r#"{"iat":1,"exp":2,"zid":"z","ext_attr":{"zdn":"dev"}}"#);
        assert_eq!(
            (
                told.issued,
                told.expires,
                told.subaccount.as_deref(),
                told.subdomain.as_deref()
            ),
            (Some(1), Some(2), Some("z"), Some("dev"))
        );
        let sees =
            |scope: &str| read(&format!(r#"{{"scope":["it!b1.{scope}"]}}"#)).sees_all_artifacts();
        assert_eq!(sees("AccessAllAccessPoliciesArtifacts"), Some(true));
        assert_eq!(sees("WorkspacePackagesEdit"), Some(false));
        assert_eq!(sees("AuthGroup_Administrator"), None);
    }

    #[test]
    fn any_other_token_tells_nothing() {
        for odd in ["", "opaque", "a.b.c", "..", "e30.e30.e30"] {
            assert_eq!(Claims::read(odd), Claims::default(), "{odd}");
        }
    }
}
