//! The package that an artifact is to live in.

use super::Writing;
use crate::deploy::job::{Content, Source};
use crate::deploy::outcome::Sent;
use crate::deploy::step::{Halt, Write};
use crate::tenant::Written;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::PackageId;

impl<'a> Writing<'a> {
    /// The content whose package must be created first, if there is none.
    pub fn missing_package(&self) -> Option<&'a Content> {
        match &self.job.source {
            Source::Files(content) if self.steps.create_package => Some(content),
            Source::Files(_) | Source::Tenant => None,
        }
    }

    pub fn create_package(&mut self, content: &Content) -> Result<(), Halt> {
        let package = &content.package;
        self.progress(format!("creating package {package}"));
        let call = |one: &Self| {
            let created = one.tenant.create_integration_package(
                package,
                &content.package_name,
                content.short_text.as_ref().unwrap_or(&content.package_name),
                &content.package_description,
                one.deadline,
            );
            match created {
                // two runs may create the same package at once
                Err(error) if error.kind == Kind::Refused && one.has(package)?.is_some() => {
                    Ok(Written::Done(Vec::new()))
                }
                answer => answer,
            }
        };
        let what = format!("package {package}");
        let write = Write::new(&what, self.deadline).creating();
        self.send(&write, Sent::Nothing, call, |one| Ok(one.has(package)?))?;
        self.wrote(format!(
            "package {package} is there; the artifact is not there yet"
        ));
        Ok(())
    }

    fn has(&self, package: &PackageId) -> Result<Option<()>, TenantError> {
        let tenant = self.tenant;
        let reading = tenant.integration_package(package, self.closing())?;
        Ok(reading.found().map(drop))
    }
}
