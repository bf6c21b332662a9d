//! The seal of files that one run writes for the next: only who holds the same credentials can set it, so what somebody
//! else puts into the working directory is told from what flowship wrote there.
//!
//! The key is derived slowly, because whoever reads such a file may guess at the credentials with it.

use std::num::NonZeroU32;

use ring::{hmac, pbkdf2};

use crate::settings::secret::Secret;

/// How often the derivation is repeated: what OWASP asks of PBKDF2 with HMAC-SHA-256.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);
/// What the first line of a sealed file begins with.
const FORM: &str = "flowship-sealed-1";
/// The length of a key's name, in bytes.
const NAME: usize = 8;

/// Random bytes that make the same credentials give another key in another directory.
pub(crate) type Salt = [u8; 16];

/// A key of these credentials, for one directory.
pub(crate) struct SealKey {
    seal: hmac::Key,
    /// Tells one key from another.
    name: String,
}

/// Why a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// Other credentials sealed it, or these in another directory.
    OtherKey,
    /// It says that this key sealed it, and that is not true; or it has no seal.
    Broken,
}

impl SealKey {
    /// Takes a tenth of a second and more: once a run is enough.
    pub(crate) fn derive(secret: &Secret, salt: &Salt) -> Self {
        let mut root = [0; 32];
        let secret = secret.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, secret, &mut root);
        Self::of(&root)
    }

    fn of(root: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, root);
        let part = |what: &str| hmac::sign(&root, what.as_bytes());
        let key = |what: &str| hmac::Key::new(hmac::HMAC_SHA256, part(what).as_ref());
        Self {
            seal: key("seal"),
            name: hex(&part("name").as_ref()[..NAME]),
        }
    }

    /// The content under a seal that holds for this file name alone.
    pub(crate) fn seal(&self, file: &str, content: &[u8]) -> Vec<u8> {
        let tag = hmac::sign(&self.seal, &message(file, content));
        let head = format!("{FORM} {} {}\n", self.name, hex(tag.as_ref()));
        [head.as_bytes(), content].concat()
    }

    /// The content of what this key sealed for this file name.
    pub(crate) fn open<'a>(&self, file: &str, sealed: &'a [u8]) -> Result<&'a [u8], Unopened> {
        let (name, tag, content) = parts(sealed).ok_or(Unopened::Broken)?;
        if name != self.name {
            return Err(Unopened::OtherKey);
        }
        let tag = bytes(tag).ok_or(Unopened::Broken)?;
        hmac::verify(&self.seal, &message(file, content), &tag)
            .map(|()| content)
            .map_err(|_| Unopened::Broken)
    }
}

/// What is sealed. No file name holds a line break, so that no two pairs are the same.
fn message(file: &str, content: &[u8]) -> Vec<u8> {
    [FORM.as_bytes(), b"\n", file.as_bytes(), b"\n", content].concat()
}

/// The name of the key, the seal and the content.
fn parts(sealed: &[u8]) -> Option<(&str, &str, &[u8])> {
    let end = sealed.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&sealed[..end]).ok()?;
    let (name, tag) = head
        .strip_prefix(FORM)?
        .strip_prefix(' ')?
        .split_once(' ')?;
    Some((name, tag, &sealed[end + 1..]))
}

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`hex`] has written, and nothing that is only like it.
pub(crate) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = hex.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealKey {
        SealKey::of(&[byte; 32])
    }

    #[test]
    fn what_was_sealed_is_opened_again() {
        for content in [b"".as_slice(), b"{}", b"a\nb\n", &[0, 255, 10]] {
            let sealed = key(1).seal("note.json", content);
            assert_eq!(key(1).open("note.json", &sealed), Ok(content));
        }
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let sealed = key(1).seal("note.json", b"content");
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[place] ^= 1 << bit;
                assert!(key(1).open("note.json", &changed).is_err(), "{place} {bit}");
            }
            assert!(
                key(1).open("note.json", &sealed[..place]).is_err(),
                "{place}"
            );
        }
        let longer = [&sealed[..], b"x"].concat();
        assert_eq!(key(1).open("note.json", &longer), Err(Unopened::Broken));
    }

    #[test]
    fn a_seal_holds_for_one_file_of_one_key() {
        let sealed = key(1).seal("note.json", b"content");
        assert_eq!(key(1).open("late.json", &sealed), Err(Unopened::Broken));
        assert_eq!(key(2).open("note.json", &sealed), Err(Unopened::OtherKey));
        let name = |key: SealKey| key.name;
        let claims = String::from_utf8(sealed).unwrap();
        let claims = claims.replace(&name(key(1)), &name(key(2)));
        let opened = key(2).open("note.json", claims.as_bytes());
        assert_eq!(opened, Err(Unopened::Broken));
    }

    #[test]
    fn what_has_no_seal_is_not_opened() {
        let form = format!("{FORM} ");
        for text in [
            "",
            "{}",
            "\n",
            "flowship-sealed-2 a b\n{}",
            &form,
            &(form.clone() + "\n"),
        ] {
            assert_eq!(
                key(1).open("f", text.as_bytes()),
                Err(Unopened::Broken),
                "{text:?}"
            );
        }
        let empty = format!("{FORM} {} \n", key(1).name);
        assert_eq!(key(1).open("f", empty.as_bytes()), Err(Unopened::Broken));
    }

    #[test]
    fn a_key_is_that_of_credentials_and_directory() {
        let name = |secret: &str, salt: Salt| SealKey::derive(&Secret::new(secret), &salt).name;
        // python3 -c "import hashlib,hmac; r=hashlib.pbkdf2_hmac('sha256',b'hunter2',bytes(range(16)),600000);
        // print(hmac.new(r,b'name','sha256').hexdigest()[:16])"
        let salt: Salt = std::array::from_fn(|place| u8::try_from(place).unwrap());
        let one = name("hunter2", salt);
        assert_eq!(one, "4f50ead04ee60e9c");
        assert_ne!(name("hunter3", salt), one);
        assert_ne!(name("hunter2", [7; 16]), one);
    }

    #[test]
    fn bytes_and_text_are_the_same() {
        assert_eq!(hex(&[0, 15, 255]), "000fff");
        assert_eq!(bytes("000fff"), Some(vec![0, 15, 255]));
        for text in ["0", "0g", "FF", "é"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
