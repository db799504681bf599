//! Signed webhooks as [Standard Webhooks](https://www.standardwebhooks.com) has them: an id that stays the same however
//! often a message is sent, the time of the attempt, and an HMAC over both and the body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// The alphabet of base64.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What messages are signed with: `whsec_` and 24 to 64 bytes in base64.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl WebhookSecret {
    /// Reads a secret; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = from_base64(text.strip_prefix("whsec_")?)?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The signature of a message, `v1,<base64>`; `seconds` is the time of the attempt, since the epoch.
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        // HMAC takes a key of any length; the fallback is never reached.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| Hmac::<Sha256>::new(&[0; 64].into()));
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", to_base64(&mac.finalize().into_bytes()))
    }
}

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).ok().and_then(|at| ALPHABET.get(at));
            text.push(if place > chunk.len() { '=' } else { digit.map_or('=', |digit| char::from(*digit)) });
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_published() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn base64_round_trips_at_every_length() {
        for length in 0..70u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(37)).collect();
            assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }
        assert_eq!(to_base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(to_base64(b"fooba"), "Zm9vYmE=");
        for nonsense in ["Z", "Zm", "Zm9", "Zm9=v", "Zm9v====", " Zm9", "Zm9v-_=="] {
            assert_eq!(from_base64(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn secrets_have_a_prefix_and_at_least_24_bytes() {
        let of = |length: usize| format!("whsec_{}", to_base64(&vec![7; length]));
        for (length, ok) in [(23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(WebhookSecret::parse(&of(length)).is_some(), ok, "{length}");
        }
        assert!(WebhookSecret::parse(of(24).trim_start_matches("whsec_")).is_none());
        assert_eq!(format!("{:?}", WebhookSecret::parse(&of(24)).unwrap()), "WebhookSecret(…)");
    }
}
