//! What can be the id of an artifact or a package. Which characters a tenant takes is its business; here is told what
//! none can take, and what must not reach a terminal or a log.

use crate::text::{holds_command, is_invisible};

/// The longest id in bytes. SAP documents no limit; no id of a real artifact comes near.
const LONGEST: usize = 500;

/// Why a text can be no id, if it can be none.
pub fn fault(id: &str) -> Option<&'static str> {
    if id.len() > LONGEST {
        Some("it has more than 500 bytes")
    } else if id.contains(char::is_control) {
        Some("it holds a control character")
    } else if id.contains(is_invisible) {
        Some("it holds a character that is not seen")
    } else if id.contains('\u{fffd}') {
        Some("it is not UTF-8")
    } else if holds_command(id) {
        Some("it holds what a CI system takes for a command")
    } else {
        None
    }
}

/// A text that can be an id, for options and variables.
pub fn parsed(text: &str) -> Result<String, String> {
    match fault(text) {
        None => Ok(text.to_owned()),
        Some(why) => Err(format!("this can be no id: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_tenant_can_take_is_no_id() {
        for id in [
            "Orders",
            "a.b-c_d",
            "Überweisung",
            "a::b",
            "a#b",
            "with blank",
            &"x".repeat(500),
        ] {
            assert_eq!(fault(id), None, "{id}");
        }
        for (id, why) in [
            ("a\u{1b}[31m", "control"),
            ("a\0", "control"),
            ("a\u{9b}", "control"),
            ("a\u{7f}", "control"),
            ("a\u{202e}b", "not seen"),
            ("\u{fffd}", "UTF-8"),
            ("##vso[task.x]1", "command"),
            ("a::error::b", "command"),
            (&"x".repeat(501), "500 bytes"),
        ] {
            assert!(fault(id).is_some_and(|fault| fault.contains(why)), "{id:?}");
            assert!(parsed(id).is_err());
        }
    }
}
