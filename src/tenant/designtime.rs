//! The design time: packages, artifacts and their parameters.

use std::fs::File;

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Tenant;
use super::error::{Kind, TenantError};
use super::exchange::Ask;
use super::odata::{self, literal};
use super::reading::Reading;
use super::roles::Role;
use super::upload::{ArtifactContent, ZipBytes};
use super::wire::{
    ArtifactId, Configuration, Description, DesigntimeArtifact, IntegrationPackage, PackageId,
};
use super::writing::Written;
use crate::artifact::ArtifactKind;
use crate::clock::Deadline;
use crate::http::{Answer, Body, Method, retry};

/// How often "not found" is asked again where it makes no sense.
const MISSING_ATTEMPTS: u32 = 4;

impl Tenant {
    /// An integration package.
    pub fn integration_package(
        &self,
        id: &PackageId,
        deadline: Deadline,
    ) -> Result<Reading<IntegrationPackage>, TenantError> {
        let path = format!("IntegrationPackages({})", literal(&id.0));
        self.read_entity(&Ask::of_designtime(path), deadline)
    }

    /// Creates an integration package. `ShortText` is mandatory; `Mode` must not be sent. Of the description, what is empty
    /// is left out, and name and short text are those that are given.
    pub fn create_integration_package(
        &self,
        id: &PackageId,
        name: &str,
        short_text: &str,
        description: &Description,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let mut body = json!({ "Id": id.0, "Name": name, "ShortText": short_text });
        for (property, value) in description {
            // lists come in brackets, which belong to the answer
            let value = value
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or(value);
            if body.get(*property).is_none() && !value.is_empty() {
                body[*property] = value.into();
            }
        }
        let body = body.to_string();
        let body = Body::Bytes(body.as_bytes());
        let ask = Ask::write(
            Method::Post,
            Role::PackagesEdit,
            "IntegrationPackages",
            body,
        );
        self.write(&ask, deadline, created)
    }

    /// A design-time artifact in its latest state.
    pub fn designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Reading<DesigntimeArtifact>, TenantError> {
        let ask = Ask::of_designtime(designtime_path(kind, id));
        self.read_entity(&ask, deadline)
    }

    /// Creates a design-time artifact from an archive.
    pub fn create_designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        name: &str,
        package: &PackageId,
        archive: &dyn ZipBytes,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let fields = [("Name", name), ("Id", &id.0), ("PackageId", &package.0)];
        let content = ArtifactContent::new(archive, &fields);
        let path = format!("{}DesigntimeArtifacts", entity_prefix(kind));
        self.upload(Method::Post, path, &content, deadline, created)
    }

    /// Updates the content of a design-time artifact. Neither id nor package may be sent, not even empty.
    pub fn update_designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        name: &str,
        archive: &dyn ZipBytes,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let content = ArtifactContent::new(archive, &[("Name", name)]);
        let path = designtime_path(kind, id);
        self.upload(Method::Put, path, &content, deadline, empty_or_json)
    }

    fn upload(
        &self,
        method: Method,
        path: String,
        content: &ArtifactContent<'_>,
        deadline: Deadline,
        answers: impl Fn(&Answer) -> bool,
    ) -> Result<Written, TenantError> {
        let open = || content.open();
        let body = Body::Stream {
            length: content.length(),
            open: &open,
        };
        let ask = Ask {
            timeout: Deadline::upload_timeout,
            ..Ask::write(method, Role::PackagesEdit, path, body)
        };
        self.write(&ask, deadline, answers)
    }

    /// Deletes a design-time artifact; what runs goes on running (cpi-api.md §4.2). "Not found" is what was asked for.
    pub fn delete_designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let path = designtime_path(kind, id);
        let ask = Ask::write(Method::Delete, Role::PackagesEdit, path, Body::None);
        match self.write(&ask, deadline, empty_or_json) {
            Err(error) if error.kind == Kind::NotFound => Ok(Written::Done(Vec::new())),
            written => written,
        }
    }

    /// Saves the latest state of a design-time artifact under a version. Answered with 200 and nothing, whatever the
    /// metadata says (cpi-api.md §4.2).
    pub fn save_as_version(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        version: &str,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let path = format!(
            "{}DesigntimeArtifactSaveAsVersion?Id={}&SaveAsVersion={}",
            entity_prefix(kind),
            literal(&id.0),
            literal(version)
        );
        let ask = Ask::write(Method::Post, Role::PackagesEdit, path, Body::None);
        self.write(&ask, deadline, empty_or_json)
    }

    /// Downloads the content of a design-time artifact into an unnamed file, positioned at its start.
    pub fn download(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Reading<File>, TenantError> {
        let path = format!("{}/$value", designtime_path(kind, id));
        let ask = Ask {
            timeout: Deadline::download_timeout,
            ..Ask::of_designtime(path)
        };
        self.read_archive(ask, deadline)
    }

    /// The externalized parameters of an integration flow that exists. "Not found" makes no sense for one, so it is
    /// asked again, and never taken for "no parameters": values of operations hang on it.
    pub fn configurations(
        &self,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Vec<Configuration>, TenantError> {
        let first = format!(
            "{}/Configurations",
            designtime_path(ArtifactKind::IntegrationFlow, id)
        );
        let all = self.all_pages(&first, deadline, |path| {
            let ask = Ask::of_designtime(path);
            let page = retry::until_found(&self.clock, MISSING_ATTEMPTS, || {
                Ok(self.read_page(&ask, deadline)?.found())
            })?;
            page.map(Reading::Found).ok_or_else(|| {
                let what = "the tenant shows the integration flow, but not its parameters";
                let at = format!("GET {} → 404", self.credentials.url.api(path));
                TenantError::new(Kind::Nonsense, what, at).hint(
                    "an access policy may hide it from this key (role AccessAllAccessPoliciesArtifacts)",
                )
            })
        })?;
        Ok(all.found().unwrap_or_default())
    }

    /// Writes the value of one externalized parameter, with the data type that the tenant told.
    pub fn configure(
        &self,
        id: &ArtifactId,
        key: &str,
        value: &str,
        data_type: &str,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let path = format!(
            "{}/$links/Configurations({})",
            designtime_path(ArtifactKind::IntegrationFlow, id),
            literal(key)
        );
        let data_type = if data_type.is_empty() {
            "xsd:string"
        } else {
            data_type
        };
        let body = json!({ "ParameterValue": value, "DataType": data_type }).to_string();
        let body = Body::Bytes(body.as_bytes());
        let ask = Ask {
            value: Some(value),
            ..Ask::write(Method::Put, Role::PackagesConfigure, path, body)
        };
        self.write(&ask, deadline, empty_or_json)
    }
}

/// The name of an artifact type in the names of entity sets and functions.
pub fn entity_prefix(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::IntegrationFlow => "Integration",
        ArtifactKind::MessageMapping => "MessageMapping",
        ArtifactKind::ScriptCollection => "ScriptCollection",
        ArtifactKind::ValueMapping => "ValueMapping",
    }
}

fn designtime_path(kind: ArtifactKind, id: &ArtifactId) -> String {
    format!(
        "{}DesigntimeArtifacts(Id={},Version='active')",
        entity_prefix(kind),
        literal(&id.0)
    )
}

/// A create is answered with 201, or with 202 and an empty body; anything else of 2xx only with the entity.
fn created(answer: &Answer) -> bool {
    matches!(answer.status, 201 | 202) || odata::entity::<Value>(&answer.body).is_some()
}

/// Updates answer with nothing (SAP's specification), or with an entity.
pub fn empty_or_json(answer: &Answer) -> bool {
    let text = odata::text(&answer.body);
    text.is_empty()
        || text.starts_with('<') && text.contains("<entry")
        || serde_json::from_str::<IgnoredAny>(&text).is_ok()
}
