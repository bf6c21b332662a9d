//! Versions: which one the tenant is asked to show after an upload. Pure.

use std::cmp::Ordering;

use super::job::VersionRule;

/// What is to be done about the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionStep {
    /// The tenant shows what it is to show, or is not to be asked.
    Nothing,
    /// Save as this version.
    Save(String),
    /// The one asked for is lower than the one shown: versions never go down.
    NotDown {
        /// The one asked for.
        asked: String,
    },
    /// There is no number to count on from: the tenant shows a draft.
    NoNumber,
}

/// The step after an upload. `manifest`: the version of the artifact's manifest. `before` and `shown`: what the tenant
/// showed before the upload, and shows now; a draft's `Active` is no number.
pub fn step(rule: &VersionRule, manifest: &str, before: Option<&str>, shown: &str) -> VersionStep {
    let asked = match rule {
        VersionRule::Keep => return VersionStep::Nothing,
        VersionRule::Manifest => manifest.to_owned(),
        VersionRule::Exactly(version) | VersionRule::Travel(version) => version.clone(),
        VersionRule::Bump => match before {
            // what was just created has its first version
            None => return VersionStep::Nothing,
            Some(before) => match bumped(before).or_else(|| bumped(shown)) {
                Some(version) => version,
                None => return VersionStep::NoNumber,
            },
        },
    };
    match compare(&asked, shown) {
        Some(Ordering::Equal) => VersionStep::Nothing,
        Some(Ordering::Less) => VersionStep::NotDown { asked },
        // a draft is saved under the number
        Some(Ordering::Greater) | None => VersionStep::Save(asked),
    }
}

/// One more in the last place.
fn bumped(version: &str) -> Option<String> {
    let mut numbers = numbers(version)?;
    *numbers.last_mut()? += 1;
    let places: Vec<String> = numbers.iter().map(u64::to_string).collect();
    Some(places.join("."))
}

/// Compares two versions by their numbers; `None` where one is no number. A missing place counts as 0.
fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (mut one, mut other) = (numbers(one)?, numbers(other)?);
    let places = one.len().max(other.len());
    one.resize(places, 0);
    other.resize(places, 0);
    Some(one.cmp(&other))
}

/// Whether one version is followed by a lower one; false where one is no number.
pub fn goes_down(before: &str, after: &str) -> bool {
    compare(after, before) == Some(Ordering::Less)
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
#[allow(clippy::too_many_lines, reason = "tables are long")]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_asked_for_only_upwards() {
        let save = |version: &str| VersionStep::Save(version.to_owned());
        let not_down = |asked: &str| VersionStep::NotDown {
            asked: asked.to_owned(),
        };
        let exactly = |version: &str| VersionRule::Exactly(version.to_owned());
        for (rule, manifest, before, shown, expected) in [
            (
                VersionRule::Keep,
                "9.0.0",
                Some("1.0.0"),
                "1.0.0",
                VersionStep::Nothing,
            ),
            (
                VersionRule::Manifest,
                "1.2.0",
                Some("1.0.0"),
                "1.0.0",
                save("1.2.0"),
            ),
            (
                VersionRule::Manifest,
                "1.2.0",
                Some("1.0.0"),
                "1.2.0",
                VersionStep::Nothing,
            ),
            (
                VersionRule::Manifest,
                "1.0.0",
                Some("1.0.13"),
                "1.0.13",
                not_down("1.0.0"),
            ),
            (
                VersionRule::Manifest,
                "1.1",
                Some("1.1.0"),
                "1.1.0",
                VersionStep::Nothing,
            ),
            (
                VersionRule::Bump,
                "1.0.0",
                Some("1.0.9"),
                "1.0.9",
                save("1.0.10"),
            ),
            (
                VersionRule::Bump,
                "1.0.0",
                Some("1.0.9"),
                "Active",
                save("1.0.10"),
            ),
            (
                VersionRule::Bump,
                "1.0.10",
                Some("1.0.9"),
                "1.0.10",
                VersionStep::Nothing,
            ),
            (
                VersionRule::Bump,
                "2.0.0",
                Some("1.0.9"),
                "2.0.0",
                not_down("1.0.10"),
            ),
            (
                VersionRule::Bump,
                "1.0.0",
                None,
                "1.0.0",
                VersionStep::Nothing,
            ),
            (
                VersionRule::Bump,
                "1.0.0",
                Some("Active"),
                "Active",
                VersionStep::NoNumber,
            ),
            (
                VersionRule::Bump,
                "1.0.0",
                Some("Active"),
                "1.0.0",
                save("1.0.1"),
            ),
            (
                exactly("1.10.0"),
                "1.0.0",
                Some("1.9.0"),
                "1.9.0",
                save("1.10.0"),
            ),
            (
                exactly("1.1.0"),
                "1.0.0",
                Some("Active"),
                "Active",
                save("1.1.0"),
            ),
            (
                exactly("1.1.0"),
                "1.0.0",
                Some("1.2.0"),
                "1.2.0",
                not_down("1.1.0"),
            ),
        ] {
            assert_eq!(
                step(&rule, manifest, before, shown),
                expected,
                "{rule:?}, {manifest}, {before:?}, {shown}"
            );
        }
    }
}
