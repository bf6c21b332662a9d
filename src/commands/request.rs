//! What a plan was asked for: put into the plan file, and taken from it by `deploy --plan`, so that it need not be said
//! again. Values of parameters are not in it.

use crate::cli::{VersionRule, WantedArgs};
use crate::deploy::approval::Request;
use crate::settings::options::Options;

use super::Refusal;
use super::jobs::Asked;

/// The request that options and variables make.
pub(super) fn of(asked: &Asked<'_>, options: Options<'_>) -> Result<Request, Refusal> {
    let wanted = asked.wanted;
    let mappings = &wanted.value_mappings;
    let mut switches = Vec::new();
    for (given, name) in [
        (wanted.no_create_package, "no-create-package"),
        (wanted.keep_going, "keep-going"),
        (wanted.parameters_from_artifact, "parameters-from-artifact"),
        (mappings.replace_value_mappings, "replace-value-mappings"),
        (mappings.drop_tenant_entries, "drop-tenant-entries"),
        (asked.overwrite_drafts, "overwrite-drafts"),
        (asked.no_deploy, "no-deploy"),
    ] {
        if options.switch(given, name)? {
            switches.push(name.to_owned());
        }
    }
    if asked.force {
        switches.push("force".to_owned());
    }
    let version = options.parsed(wanted.save_as_version.clone(), "save-as-version")?;
    Ok(Request {
        paths: options.paths(&wanted.paths, "paths"),
        config: options.path(wanted.config.as_ref(), "config"),
        environment: options.text(wanted.environment.as_deref(), "environment"),
        package: options.text(wanted.package.as_deref(), "package"),
        package_name: options.text(wanted.package_name.as_deref(), "package-name"),
        id: options.text(wanted.id.as_deref(), "id"),
        name: options.text(wanted.name.as_deref(), "name"),
        parameters: options.path(wanted.parameters.parameters.as_ref(), "parameters"),
        save_as_version: version.map(|version| match version {
            VersionRule::Keep => "keep".to_owned(),
            VersionRule::Manifest => "manifest".to_owned(),
            VersionRule::Bump => "bump".to_owned(),
            VersionRule::Exactly(number) => number,
        }),
        switches,
    })
}

/// What was asked for now, and where nothing was said, what the plan was asked for.
pub(super) fn filled(now: &WantedArgs, plan: &Request) -> WantedArgs {
    let mut wanted = now.clone();
    let on = |name: &str| plan.switches.iter().any(|switch| switch == name);
    if wanted.paths.is_empty() {
        wanted.paths.clone_from(&plan.paths);
    }
    wanted.config = wanted.config.or_else(|| plan.config.clone());
    wanted.environment = wanted.environment.or_else(|| plan.environment.clone());
    wanted.package = wanted.package.or_else(|| plan.package.clone());
    wanted.package_name = wanted.package_name.or_else(|| plan.package_name.clone());
    wanted.id = wanted.id.or_else(|| plan.id.clone());
    wanted.name = wanted.name.or_else(|| plan.name.clone());
    let parameters = &mut wanted.parameters.parameters;
    *parameters = parameters.take().or_else(|| plan.parameters.clone());
    let version = plan.save_as_version.as_deref();
    wanted.save_as_version = wanted
        .save_as_version
        .or_else(|| version.and_then(|version| version.parse().ok()));
    wanted.no_create_package |= on("no-create-package");
    wanted.keep_going |= on("keep-going");
    wanted.parameters_from_artifact |= on("parameters-from-artifact");
    wanted.value_mappings.replace_value_mappings |= on("replace-value-mappings");
    wanted.value_mappings.drop_tenant_entries |= on("drop-tenant-entries");
    wanted
}

/// Whether the plan was asked for with a switch that is none of [`WantedArgs`].
pub(super) fn has(plan: Option<&Request>, name: &str) -> bool {
    plan.is_some_and(|plan| plan.switches.iter().any(|switch| switch == name))
}
