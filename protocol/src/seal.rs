//! Secrets that we must use again, such as the headers of an origin: AES-256-GCM under a key with an id, bound to
//! the object and field they belong to (architecture rule 12). No route returns them.

use crate::alphabet;
use crate::credential::Pepper;
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};

const PURPOSE: &str = "moltghost/seal/v1";
const NONCE_LENGTH: usize = 12;

/// Where a sealed value belongs; opened anywhere else it is noise.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Name of the object, such as `ep:<agent-id>`.
    pub object: &'a str,
    /// Name of the field.
    pub field: &'a str,
}

impl Place<'_> {
    fn associated_data(self) -> Vec<u8> {
        format!("{}\n{}", self.object, self.field).into_bytes()
    }
}

/// Seals `text`: `<key id>.<nonce><ciphertext>` in hexadecimal. `nonce` must never be used twice: give random bytes.
/// `None` only if the cipher refuses, which it does for texts of many gigabytes alone.
pub fn seal(pepper: &Pepper, place: Place<'_>, text: &str, nonce: [u8; NONCE_LENGTH]) -> Option<String> {
    let cipher = Aes256Gcm::new(&pepper.derive(PURPOSE, &[]).into());
    let aad = place.associated_data();
    let sealed = cipher.encrypt(&nonce.into(), Payload { msg: text.as_bytes(), aad: &aad }).ok()?;
    Some(format!("{}.{}{}", pepper.version(), alphabet::hex(&nonce), alphabet::hex(&sealed)))
}

/// Opens what [`seal`] wrote for the same place; `None` if it was written elsewhere, changed, or its key is gone.
pub fn open(pepper: &Pepper, place: Place<'_>, sealed: &str) -> Option<String> {
    let (version, rest) = sealed.split_once('.')?;
    let bytes = alphabet::from_hex(rest)?;
    let (nonce, ciphertext) = bytes.split_at_checked(NONCE_LENGTH)?;
    let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
    let key = pepper.derive_with(version.parse().ok()?, PURPOSE, &[])?;
    let aad = place.associated_data();
    let opened =
        Aes256Gcm::new(&key.into()).decrypt(&nonce.into(), Payload { msg: ciphertext, aad: &aad }).ok()?;
    String::from_utf8(opened).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_in_its_place_alone() {
        let pepper = Pepper::parse("1:a pepper of some length", None).unwrap();
        let place = Place { object: "ep:a", field: "origin.headers" };
        let sealed = seal(&pepper, place, "secret", [7; 12]).unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(open(&pepper, place, &sealed).as_deref(), Some("secret"));
        assert_eq!(open(&pepper, Place { object: "ep:b", ..place }, &sealed), None);
        assert_eq!(open(&pepper, Place { field: "x", ..place }, &sealed), None);
        let mut broken = sealed.clone().into_bytes();
        let last = broken.last_mut().unwrap();
        *last = if *last == b'0' { b'1' } else { b'0' };
        assert_eq!(open(&pepper, place, std::str::from_utf8(&broken).unwrap()), None);
    }

    #[test]
    fn a_sealed_value_survives_a_new_pepper_while_the_old_one_is_kept() {
        let old = Pepper::parse("1:an old pepper of length", None).unwrap();
        let both = Pepper::parse("2:a new pepper of length!", Some("1:an old pepper of length")).unwrap();
        let place = Place { object: "ep:a", field: "x" };
        let sealed = seal(&old, place, "secret", [1; 12]).unwrap();
        assert_eq!(open(&both, place, &sealed).as_deref(), Some("secret"));
    }

    #[test]
    fn nonsense_opens_to_nothing() {
        let pepper = Pepper::parse("1:a pepper of some length", None).unwrap();
        for text in ["", ".", "1.", "1.00", "x.0011", "1.zz"] {
            assert_eq!(open(&pepper, Place { object: "a", field: "b" }, text), None);
        }
    }
}
