//! Which parameters are shown without their values.

/// What a parameter of any such name holds is not shown, wherever in the name it stands.
const ANYWHERE: [&str; 7] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "kennwort",
    "authorization",
    "connectionstring",
];
/// The same, at the end of a word: `clientsecret`, `apitoken`.
const AT_END_OF_WORD: [&str; 17] = [
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "pwd",
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
/// Integration the alias of a deployed credential), `Private Key Alias`, `Token URL`.
#[must_use]
pub fn looks_secret(key: &str) -> bool {
    let words = words(key);
    let Some(last) = words.iter().rposition(|word| !is_number(word)) else {
        return false;
    };
    let words = &words[..=last];
    if ABOUT_A_SECRET.contains(&words[last].as_str()) {
        return false;
    }
    let joined = words.concat();
    ANYWHERE.iter().any(|name| joined.contains(name))
        || words.iter().any(|word| ends_secret(word))
        || is_key(words)
}

/// Whether a parameter may hold a secret, by its key or by its value: then no file and no output shows the value.
#[must_use]
pub fn may_be_secret(key: &str, value: &str) -> bool {
    looks_secret(key) || carries_password(value)
}

/// Whether a value carries a user and a password in an address, whatever its key: `https://user:password@host`.
pub(super) fn carries_password(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or(rest);
        authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
    })
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
        ] {
            assert!(!looks_secret(key), "{key}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_recognised() {
        assert!(carries_password("https://user:pass@host/x"));
        assert!(carries_password("a=b; ftp://u:p@h"));
        for value in [
            "https://host/x",
            "https://host:8080/a@b:c",
            "mailto:a@b",
            "https://user@host",
            "",
        ] {
            assert!(!carries_password(value), "{value}");
        }
    }
}
