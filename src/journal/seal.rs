//! The seal of a journal entry: a MAC over the whole, by a key that only the holder of the credentials can derive. Pure.
//!
//! The key is derived slowly, because a reader of an entry could otherwise guess at the credentials with it.

use std::num::NonZeroU32;

use ring::{hmac, pbkdf2};

use super::NotUsed;
use crate::settings::secret::Secret;
use crate::text::hex;

/// How often the derivation is repeated: what OWASP asks of PBKDF2 with HMAC-SHA-256.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);
/// What the first line of an entry begins with.
const FORM: &str = "flowship-journal-1";

/// The key of some credentials in one directory.
pub struct SealKey {
    mac: hmac::Key,
    values: hmac::Key,
    /// Tells one key from another.
    id: String,
}

impl SealKey {
    /// Takes a tenth of a second and more: once a run is enough.
    pub fn derive(secret: &Secret, salt: &[u8]) -> Self {
        let mut root = [0; 32];
        let secret = secret.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, secret, &mut root);
        Self::of(&root)
    }

    fn of(root: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, root);
        let part = |purpose: &str| hmac::sign(&root, purpose.as_bytes());
        let key = |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, part(purpose).as_ref());
        Self {
            mac: key("seal"),
            values: key("values"),
            id: hex(&part("name").as_ref()[..8]),
        }
    }

    /// The content under a seal that holds for an entry of this name alone.
    pub fn seal(&self, name: &str, content: &[u8]) -> Vec<u8> {
        let mac = self.mac(name, content);
        [format!("{FORM} {} {mac}\n", self.id).as_bytes(), content].concat()
    }

    /// The content of an entry that this key sealed under this name.
    pub fn open<'a>(&self, name: &str, sealed: &'a [u8]) -> Result<&'a [u8], NotUsed> {
        let (id, mac, content) = parts(sealed).ok_or(NotUsed::Broken)?;
        if id != self.id {
            return Err(NotUsed::OtherKey);
        }
        // the MACs of both are compared, so that the time it takes tells nothing
        let again = |mac: &str| hmac::sign(&self.mac, mac.as_bytes());
        if again(mac).as_ref() == again(&self.mac(name, content)).as_ref() {
            Ok(content)
        } else {
            Err(NotUsed::Broken)
        }
    }

    /// A digest that tells nothing about the value to whoever lacks the credentials. `of`: what it is the value of.
    pub fn digest(&self, of: &str, value: &str) -> String {
        let text = format!("{}:{of}{value}", of.len());
        hex(hmac::sign(&self.values, text.as_bytes()).as_ref())
    }

    /// No name holds a line break, so that no two pairs of name and content are the same.
    fn mac(&self, name: &str, content: &[u8]) -> String {
        let message = [FORM.as_bytes(), b"\n", name.as_bytes(), b"\n", content].concat();
        hex(hmac::sign(&self.mac, &message).as_ref())
    }
}

/// The id of the key, the MAC and the content.
fn parts(sealed: &[u8]) -> Option<(&str, &str, &[u8])> {
    let end = sealed.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&sealed[..end]).ok()?;
    let (id, mac) = head
        .strip_prefix(FORM)?
        .strip_prefix(' ')?
        .split_once(' ')?;
    Some((id, mac, &sealed[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealKey {
        SealKey::of(&[byte; 32])
    }

    fn is_broken(opened: &Result<&[u8], NotUsed>) -> bool {
        matches!(opened, Err(NotUsed::Broken))
    }

    #[test]
    fn what_was_sealed_is_opened_again() {
        for content in [b"".as_slice(), b"{}", b"a\nb\n", &[0, 255, 10]] {
            let sealed = key(1).seal("proof/a", content);
            assert_eq!(key(1).open("proof/a", &sealed).unwrap(), content);
        }
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let sealed = key(1).seal("proof/a", b"content");
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[place] ^= 1 << bit;
                assert!(key(1).open("proof/a", &changed).is_err(), "{place} {bit}");
            }
            assert!(key(1).open("proof/a", &sealed[..place]).is_err(), "{place}");
        }
        let longer = [&sealed[..], b"x"].concat();
        assert!(is_broken(&key(1).open("proof/a", &longer)));
    }

    #[test]
    fn a_seal_holds_for_one_name_of_one_key() {
        let sealed = key(1).seal("proof/a", b"content");
        assert!(is_broken(&key(1).open("proof/b", &sealed)));
        assert!(is_broken(&key(1).open("recovery/a", &sealed)));
        let other = key(2).open("proof/a", &sealed).unwrap_err();
        assert!(matches!(other, NotUsed::OtherKey));
        let claims = String::from_utf8(sealed).unwrap();
        let claims = claims.replace(&key(1).id, &key(2).id);
        assert!(is_broken(&key(2).open("proof/a", claims.as_bytes())));
    }

    #[test]
    fn what_has_no_seal_is_not_opened() {
        let form = format!("{FORM} ");
        let broken = [
            "",
            "{}",
            "\n",
            "flowship-journal-2 a b\n{}",
            &form,
            &(form.clone() + "\n"),
        ];
        for text in broken {
            assert!(is_broken(&key(1).open("f", text.as_bytes())), "{text:?}");
        }
        let empty = format!("{FORM} {} \n", key(1).id);
        assert!(is_broken(&key(1).open("f", empty.as_bytes())));
    }

    #[test]
    fn a_key_is_that_of_credentials_and_directory() {
        let id = |secret: &str, salt: &[u8]| SealKey::derive(&Secret::new(secret), salt).id;
        // python3 -c "import hashlib,hmac; r=hashlib.pbkdf2_hmac('sha256',b'hunter2',bytes(range(16)),600000);
        // print(hmac.new(r,b'name','sha256').hexdigest()[:16])"
        let salt: [u8; 16] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        let one = id("hunter2", &salt);
        assert_eq!(one, "4f50ead04ee60e9c");
        assert_ne!(id("hunter3", &salt), one);
        assert_ne!(id("hunter2", &[7; 16]), one);
    }

    #[test]
    fn a_digest_of_a_value_is_that_of_one_key_and_one_parameter() {
        let digest = key(1).digest("Retries", "9");
        assert_eq!(key(1).digest("Retries", "9"), digest);
        for other in [
            key(2).digest("Retries", "9"),
            key(1).digest("Retrie", "s9"),
            key(1).digest("Retries9", ""),
            key(1).digest("Retries", "8"),
        ] {
            assert_ne!(other, digest);
        }
    }
}
