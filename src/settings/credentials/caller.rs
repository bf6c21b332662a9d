//! The key that calls flows at their own addresses: plan `integration-flow` (cpi-api.md §1.1). It deploys nothing, and the
//! key that deploys calls nothing.

use std::path::Path;

use super::given::CredentialVariables;
use super::key::{ServiceKey, WANTED_FOR_CALLS, not_for_calls};
use super::{Credentials, CredentialsError, Login, VariableNames};
use crate::settings::environment::Environment;
use crate::settings::landscape::Host;

/// What the client ids of plan `integration-flow` hold, and those of plan `api`.
const PLANS: (&str, &str) = ("|it-rt-", "|it!b");

impl VariableNames {
    /// The variable of the key that calls flows.
    pub fn of_caller_key(&self) -> String {
        self.of("RUNTIME_SERVICE_KEY")
    }
}

impl Credentials {
    /// Reads the key that calls flows, in all forms of a service key; `None` where the variable is not set. `api`: the
    /// credentials of the run, for which it must not be mistaken.
    pub fn of_caller(
        environment: &Environment,
        dir: &Path,
        names: &VariableNames,
        api: &Credentials,
    ) -> Result<Option<Self>, CredentialsError> {
        let variable = names.of_caller_key();
        let text = environment.get_checked(&variable)?.map(str::trim);
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let refused = |reason| CredentialsError::CallerKey {
            variable: variable.clone(),
            reason,
        };
        let read = ServiceKey::read(text, dir, true);
        let key = read.map_err(|error| refused(not_for_calls(&error)))?;
        // CPI_RUNTIME_CLIENT_KEY_FILE holds the private key of an external certificate
        let own_names = VariableNames::with_prefix(&names.of("RUNTIME"));
        let caller =
            CredentialVariables::read(environment, dir, &own_names)?.of_key(&key, &variable)?;
        match of_plan_api(&caller, api) {
            Some(why) => Err(refused(format!(
                "is a key of plan api ({why}), which deploys flows and may not call them; {WANTED_FOR_CALLS}"
            ))),
            None => Ok(Some(caller)),
        }
    }
}

/// What shows that a key is of plan `api`, if anything does.
fn of_plan_api(caller: &Credentials, api: &Credentials) -> Option<&'static str> {
    let client_id = |credentials: &Credentials| match &credentials.login {
        Login::ClientCredentials { client_id, .. } => client_id.clone(),
        Login::Basic { .. } => String::new(),
    };
    let id = client_id(caller);
    let (calls, deploys) = PLANS;
    if !id.is_empty() && id == client_id(api) {
        return Some("it is the one that this run deploys with");
    }
    if id.contains(calls) {
        return None;
    }
    if id.contains(deploys) {
        return Some("its client id shows it");
    }
    let host = caller.url.host();
    let is_tenant = matches!(Host::of(host), Host::Tenant { .. } | Host::NeoTenant);
    let is_same = host == api.url.host() && !caller.url.is_loopback();
    (is_tenant || is_same).then_some("its url is a tenant's, not a run time's")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn key(id: &str, url: &str) -> String {
        format!(
            r#"{{"oauth":{{"clientid":"{id}","clientsecret":"s3cret","tokenurl":"https://sub.authentication.eu10.hana.ondemand.com/oauth/token","url":"{url}"}}}}"#
        )
    }

    fn read(text: &str) -> Result<Option<Credentials>, CredentialsError> {
        let tenant = "https://sub.it-cpi001.cfapps.eu10.hana.ondemand.com";
        let environment = Environment::default()
            .with("CPI_SERVICE_KEY", &key("sb-api!b1|it!b2", tenant))
            .with("CPI_RUNTIME_SERVICE_KEY", text);
        let (dir, names) = (Path::new("/"), VariableNames::default());
        let api = Credentials::from_named(&environment, dir, &names).unwrap();
        Credentials::of_caller(&environment, dir, &names, &api)
    }

    #[test]
    fn a_key_of_plan_api_is_known_by_its_client_or_its_url() {
        let runtime = "https://sub.it-cpi001-rt.cfapps.eu10.hana.ondemand.com";
        let tenant = "https://sub.it-cpi001.cfapps.eu10.hana.ondemand.com";
        for (id, url, said) in [
            ("sb-rt!b1|it-rt-sub!b2", runtime, None),
            ("sb-rt!b1|it-rt-sub!b2", tenant, None),
            ("custom", runtime, None),
            ("custom", "https://calls.example.com", None),
            ("sb-api!b1|it!b2", runtime, Some("this run deploys with")),
            ("sb-other!b1|it!b2", runtime, Some("its client id shows it")),
            ("custom", tenant, Some("its url is a tenant's")),
        ] {
            let said_now = read(&key(id, url)).err().map(|error| error.to_string());
            match said {
                None => assert_eq!(said_now, None, "{id} {url}"),
                Some(said) => {
                    let text = said_now.unwrap();
                    assert!(text.contains(said), "{id} {url}: {text}");
                    assert!(
                        text.starts_with("CPI_RUNTIME_SERVICE_KEY is a key of plan api"),
                        "{text}"
                    );
                    assert!(!text.contains("s3cret"), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_key_says_what_is_wanted() {
        assert_eq!(read(" ").unwrap(), None);
        for text in [
            "not a key",
            "{}",
            r#"{"oauth":{"clientid":"x"}}"#,
            r#"{"clientId":"x","clientSecret":"y","tokenUrl":"z"}"#,
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.starts_with("CPI_RUNTIME_SERVICE_KEY "), "{said}");
            assert!(!said.contains("plan api"), "{said}");
        }
    }
}
