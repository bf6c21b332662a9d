//! Which parameters are shown without their values.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 with or without its padding.
const STANDARD_PAD_INDIFFERENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a parameter of any such name holds is not shown, wherever in the name it stands.
const ANYWHERE: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "kennwort",
    "authorization",
    "connectionstring",
];
/// The same, at the end of a word: `clientsecret`, `apitoken`.
const AT_END_OF_WORD: [&str; 19] = [
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "pw",
    "pwd",
    "pswd",
    "jwt",
    "bearer",
    "cookie",
    "signature",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "sharedkey",
    "accountkey",
];
/// What makes a name one of something harmless about a secret: where it is, how it is called, how long it lives.
const ABOUT_A_SECRET: [&str; 22] = [
    "name",
    "names",
    "alias",
    "type",
    "url",
    "uri",
    "endpoint",
    "address",
    "path",
    "host",
    "field",
    "header",
    "store",
    "location",
    "method",
    "algorithm",
    "expiry",
    "expiration",
    "lifetime",
    "timeout",
    "length",
    "enabled",
];
/// The same, as the last word alone: `SFTP_Pass`, but neither `Bypass` nor `Pass Through`.
const LAST_WORD: [&str; 2] = ["pass", "pin"];
/// Words before `header` that make it one with a secret in it.
const SECRET_HEADERS: [&str; 3] = ["auth", "authorization", "authentication"];
/// How the secrets of well-known services begin.
const BEGINNINGS: [&str; 13] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "AKIA",
    "ASIA",
    "AIza",
    "xoxb-",
    "xoxp-",
    "xapp-",
];
/// The addresses that whoever knows them may post to.
const SECRET_ADDRESSES: [&str; 2] = ["hooks.slack.com/services/", "webhook.office.com/"];
/// Shorter texts behind a beginning are no secrets.
const SHORTEST_TOKEN: usize = 16;
/// Keys that open nothing.
const HARMLESS_KEYS: [&str; 13] = [
    "primary",
    "foreign",
    "public",
    "business",
    "partition",
    "sort",
    "message",
    "map",
    "lookup",
    "record",
    "row",
    "table",
    "unique",
];

/// Whether the value of a parameter with this key is likely to be a secret, which is then not shown. In doubt it is.
///
/// Words are told apart by blanks, punctuation and capitals: `Client Secret`, `client_secret` and `ClientSecret` are the
/// same. `Keystore` and `Primary Key Field` are none, nor is what only names a secret: `Credential Name` (in SAP Cloud
/// Integration the alias of a deployed credential), `Private Key Alias`, `Token URL`. The header of an authorization is one.
pub fn looks_secret(key: &str) -> bool {
    let words = words(key);
    let Some(last) = words.iter().rposition(|word| !is_number(word)) else {
        return false;
    };
    let words = &words[..=last];
    if is_secret_header(words) || LAST_WORD.contains(&words[last].as_str()) {
        return true;
    }
    if ABOUT_A_SECRET.contains(&words[last].as_str()) {
        return false;
    }
    let joined = words.concat();
    ANYWHERE.iter().any(|name| joined.contains(name))
        || words.iter().any(|word| ends_secret(word))
        || is_key(words)
}

/// Whether a parameter may hold a secret, by its key or by its value: then no file and no output shows the value.
pub fn may_be_secret(key: &str, value: &str) -> bool {
    looks_secret(key) || carries_secret(value)
}

/// Whether a value is a secret by its form, whatever its key: an address with a user and a password or a signature in it,
/// the content of an `Authorization` header, a private key, a token of a well-known service.
pub fn carries_secret(value: &str) -> bool {
    let tokens = || value.split(|c: char| c.is_whitespace() || "\"',;=&?".contains(c));
    carries_password(value)
        || carries_authorization(value)
        || SECRET_ADDRESSES.iter().any(|one| value.contains(one))
        || (value.contains("-----BEGIN") && value.contains("PRIVATE KEY-----"))
        || signature(value).is_some_and(|text| text.len() >= SHORTEST_TOKEN)
        || tokens().any(|text| is_web_token(text) || has_telling_beginning(text))
}

/// `https://user:password@host`.
fn carries_password(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or(rest);
        authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
    })
}

/// `Basic dXNlcjpwYXNz`, `Bearer TOKEN`; but not `Basic` as the name of a method.
fn carries_authorization(value: &str) -> bool {
    let mut words = value.split_whitespace().skip_while(|word| {
        !word.eq_ignore_ascii_case("basic") && !word.eq_ignore_ascii_case("bearer")
    });
    let (Some(scheme), Some(rest)) = (words.next(), words.next()) else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return rest.len() >= SHORTEST_TOKEN && !rest.contains(['{', '<', '$']);
    }
    let decoded = STANDARD_PAD_INDIFFERENT.decode(rest).unwrap_or_default();
    String::from_utf8(decoded).is_ok_and(|text| text.contains(':'))
}

/// What stands behind `sig=` in an address.
fn signature(value: &str) -> Option<&str> {
    let behind = ["?sig=", "&sig="]
        .iter()
        .find_map(|name| value.split_once(name))?
        .1;
    behind.split('&').next()
}

/// A JSON web token: three parts, the first of which is a JSON object.
fn is_web_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.matches('.').count() == 2
}

fn has_telling_beginning(text: &str) -> bool {
    let behind = BEGINNINGS
        .iter()
        .find_map(|beginning| text.strip_prefix(beginning));
    behind.is_some_and(|rest| {
        rest.len() >= SHORTEST_TOKEN
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    })
}

/// `Auth Header`, `Authorization Header Value`; but not `API Key Header`, which is the name of one.
fn is_secret_header(words: &[String]) -> bool {
    let words = match words {
        [words @ .., last] if last == "value" => words,
        words => words,
    };
    matches!(words, [.., before, last] if last == "header" && SECRET_HEADERS.contains(&before.as_str()))
}

fn ends_secret(word: &str) -> bool {
    AT_END_OF_WORD.iter().any(|end| word.ends_with(end))
}

/// `API Key`, `Key`, `keys`; but not `Primary Key`, and not `Key Field`.
fn is_key(words: &[String]) -> bool {
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    let harmless = before
        .last()
        .is_some_and(|word| HARMLESS_KEYS.contains(&word.as_str()));
    matches!(last.as_str(), "key" | "keys") && !harmless
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The words of a name in lower case; digits are words of their own.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = Class::Other;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let class = Class::of(character);
        let next = characters.peek().copied().map_or(Class::Other, Class::of);
        let begins = match (before, class) {
            (_, Class::Other) => false,
            (Class::Lower, Class::Upper) => true,
            // the last capital of a row begins the next word: `APIKey`
            (Class::Upper, Class::Upper) => next == Class::Lower,
            (Class::Upper, Class::Lower) => false,
            (before, class) => before != class,
        };
        if begins {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), class != Class::Other) {
            word.extend(character.to_lowercase());
        }
        before = class;
    }
    words
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Other,
}

impl Class {
    fn of(character: char) -> Self {
        match character {
            c if c.is_numeric() => Self::Digit,
            c if c.is_uppercase() => Self::Upper,
            c if c.is_alphabetic() => Self::Lower,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_secrets_are_recognised() {
        for key in [
            "password",
            "Password",
            "SFTP_PASSWORD",
            "dbPasswordProd",
            "Receiver Password 2",
            "clientSecret",
            "client.secret",
            "clientsecret",
            "OAuth Token",
            "accessToken",
            "apitoken",
            "API Key",
            "APIKey",
            "api_key",
            "x-api-key",
            "apikey",
            "key",
            "Subscription Key",
            "Private Key",
            "pwd",
            "DB_PWD",
            "credential",
            "Receiver Credentials",
            "Authorization",
            "Authorization Value",
            "Connection String",
            "SECRET1",
            "Kennwort",
            "SFTP_Pass",
            "sftpPass",
            "Pass 2",
            "PW",
            "DB_PW",
            "userpw",
            "Passcode",
            "PIN",
            "Auth Header",
            "AuthHeader",
            "Authorization Header",
            "Authorization_Header_Value",
        ] {
            assert!(looks_secret(key), "{key}");
        }
    }

    #[test]
    fn keys_of_other_things_are_not() {
        for key in [
            "",
            "1",
            "Host Name",
            "Keystore",
            "Primary Key Field",
            "Primary Key",
            "Public Key",
            "monkey",
            "Keyword",
            "Key Field",
            "Credential Name",
            "SF_CredentialName",
            "credentialName",
            "Private Key Alias",
            "Token URL",
            "tokenEndpoint",
            "Password Alias",
            "Token Expiry",
            "Tokenizer",
            "Secretary",
            "Author",
            "Passthrough",
            "Pass Through",
            "Bypass",
            "Bypass Validation",
            "Compass",
            "Auth Method",
            "Authentication",
            "Auth Header Name",
            "API Key Header",
            "Header",
            "Pinned",
        ] {
            assert!(!looks_secret(key), "{key}");
        }
    }

    #[test]
    fn secrets_are_recognised_by_their_form() {
        for value in [
            "https://user:pass@host/x",
            "a=b; ftp://u:p@h",
            "Basic dXNlcjpwYXNzd29yZA==",
            "basic dXNlcjpwYXNzd29yZA",
            "Authorization: Bearer 0123456789abcdefghij",
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "token=AKIAABCDEFGHIJKLMNOP",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "https://host/api?sv=1&sig=abcdefghijklmnopqrstuv%3D",
            "https://hooks.slack.com/services/T0/B0/xyz",
            "-----BEGIN PRIVATE KEY-----\nMIIE",
        ] {
            assert!(carries_secret(value), "{value}");
        }
        for value in [
            "https://host/x",
            "https://host:8080/a@b:c",
            "mailto:a@b",
            "https://user@host",
            "",
            "Basic",
            "Basic authentication",
            "Bearer",
            "Bearer ${property.token_of_this_run}",
            "ghp_",
            "AKIA",
            "-----BEGIN CERTIFICATE-----",
            "?sig=none",
            "a.b.c",
        ] {
            assert!(!carries_secret(value), "{value}");
        }
    }
}
