//! Who saved an artifact, what, and when: as far as the tenant tells, in words.

use std::fmt;

use crate::tenant::wire::DesigntimeArtifact;

/// The last save of a design-time artifact. Displayed: who, and when.
pub struct LastSave<'a>(pub &'a DesigntimeArtifact);

impl LastSave<'_> {
    /// `colleague@example.com`, as the tenant writes it.
    pub fn who(&self) -> &str {
        match self.0.modified_by.as_str() {
            "" => "another user",
            name => name,
        }
    }

    /// ` at 2026-11-22T10:02:11Z`, or nothing.
    pub fn when(&self) -> String {
        let date = self.0.modified_at();
        date.map(|date| format!(" at {date}")).unwrap_or_default()
    }

    /// `saved other content of Orders at 2026-11-22T10:02:11Z (version 1.0.1)`.
    pub fn deed(&self) -> String {
        let DesigntimeArtifact { id, version, .. } = self.0;
        let when = self.when();
        if self.0.is_draft() {
            return format!("saved a draft of {id}{when}");
        }
        match version.as_str() {
            "" => format!("saved other content of {id}{when}"),
            version => format!("saved other content of {id}{when} (version {version})"),
        }
    }
}

impl fmt::Display for LastSave<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.who(), self.when())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_tenant_does_not_tell_is_left_out() {
        let date = "2026-11-22T10:02:11.250Z";
        for (version, by, at, who, deed) in [
            (
                "1.0.1",
                "a@b.c",
                json!("1795341731250"),
                format!("a@b.c at {date}"),
                format!("saved other content of Orders at {date} (version 1.0.1)"),
            ),
            (
                "Active",
                "a@b.c",
                json!("1795341731250"),
                format!("a@b.c at {date}"),
                format!("saved a draft of Orders at {date}"),
            ),
            (
                "1.0.1",
                "",
                json!(null),
                "another user".to_owned(),
                "saved other content of Orders (version 1.0.1)".to_owned(),
            ),
            (
                "",
                "",
                json!(null),
                "another user".to_owned(),
                "saved other content of Orders".to_owned(),
            ),
        ] {
            let artifact: DesigntimeArtifact = serde_json::from_value(json!({
                "Id": "Orders", "Version": version, "ModifiedBy": by, "ModifiedAt": at,
            }))
            .unwrap();
            let save = LastSave(&artifact);
            assert_eq!((save.to_string(), save.deed()), (who, deed));
        }
    }
}
