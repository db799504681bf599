//! The three kinds of credential that the Worker issues, and how they are checked.
//!
//! Each ends in a checksum, so that a typing error or a random string is refused without any look-up. What is
//! stored is [`SecretHash`], an HMAC under the server's pepper: a copied database opens nothing.

use crate::alphabet::{self, BASE62};
use crate::id::{AccountId, AgentId, KeyId, TokenId};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

const SECRET_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;

/// 32 base-62 characters (190 bits). Never logged: `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new secret from 256 random bits.
    pub fn mint(random: [u8; 32]) -> Self {
        let half = |bytes: &[u8]| {
            let value = bytes.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
            alphabet::encode(BASE62, value, SECRET_LENGTH / 2)
        };
        let (high, low) = random.split_at(16);
        Self(half(high) + &half(low))
    }
}

impl Secret {
    /// A secret that stands alone, with a checksum: of a ticket.
    pub fn reveal(&self) -> String {
        sealed(self.0.clone())
    }

    /// Reads what [`Secret::reveal`] wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (secret, check) = text.split_at_checked(SECRET_LENGTH)?;
        (alphabet::is_base62(secret) && checksum(secret) == check).then(|| Self(secret.to_owned()))
    }
}

/// A key of an agent: `molti_<account>_<key id><secret><checksum>` (agent-endpoints §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The account that the agent belongs to.
    pub account: AccountId,
    /// Public id; names the agent too.
    pub id: KeyId,
    /// What only the caller knows.
    pub secret: Secret,
}

/// A token of an account for the control API: `molta_<account>_<token id><secret><checksum>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountToken {
    /// The account.
    pub account: AccountId,
    /// Public id in the account.
    pub id: TokenId,
    /// What only the owner knows.
    pub secret: Secret,
}

/// What a pod's connector presents: `moltc_<agent>_<secret><checksum>` (agent-endpoints §7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectToken {
    /// The agent.
    pub agent: AgentId,
    /// What only the connector knows.
    pub secret: Secret,
}

/// CRC-32 of everything before it, in six base-62 characters.
fn checksum(text: &str) -> String {
    alphabet::encode(BASE62, u128::from(crc32fast::hash(text.as_bytes())), CHECKSUM_LENGTH)
}

fn sealed(text: String) -> String {
    let check = checksum(&text);
    text + &check
}

/// Splits `<prefix>_<owner>_<public id><secret><checksum>`; `None` unless every length and the checksum are right.
fn split<'a>(text: &'a str, prefix: &str, id_length: usize) -> Option<(&'a str, &'a str, Secret)> {
    let (owner, token) = text.strip_prefix(prefix)?.split_once('_')?;
    if token.len() != id_length + SECRET_LENGTH + CHECKSUM_LENGTH || !alphabet::is_base62(token) {
        return None;
    }
    let (body, check) = text.split_at_checked(text.len() - CHECKSUM_LENGTH)?;
    if checksum(body) != check {
        return None;
    }
    let (id, rest) = token.split_at_checked(id_length)?;
    let secret = rest.get(..SECRET_LENGTH)?;
    Some((owner, id, Secret(secret.to_owned())))
}

impl ApiKey {
    /// Reads a key; `None` for anything that this deployment cannot have issued.
    pub fn parse(text: &str) -> Option<Self> {
        let (account, id, secret) = split(text, "molti_", KeyId::LENGTH)?;
        Some(Self { account: AccountId::parse(account).ok()?, id: KeyId::parse(id).ok()?, secret })
    }

    /// The key as its holder writes it.
    pub fn reveal(&self) -> String {
        sealed(format!("molti_{}_{}{}", self.account, self.id, self.secret.0))
    }

    /// How lists show a key: its public part alone.
    pub fn mask(account: &AccountId, id: &KeyId) -> String {
        format!("molti_{account}_{id}…")
    }
}

impl AccountToken {
    /// Reads a token; `None` for anything that this deployment cannot have issued.
    pub fn parse(text: &str) -> Option<Self> {
        let (account, id, secret) = split(text, "molta_", TokenId::LENGTH)?;
        Some(Self { account: AccountId::parse(account).ok()?, id: TokenId::parse(id).ok()?, secret })
    }

    /// The token as its holder writes it.
    pub fn reveal(&self) -> String {
        sealed(format!("molta_{}_{}{}", self.account, self.id, self.secret.0))
    }
}

impl ConnectToken {
    /// Reads a token; `None` for anything that this deployment cannot have issued.
    pub fn parse(text: &str) -> Option<Self> {
        let (agent, _, secret) = split(text, "moltc_", 0)?;
        Some(Self { agent: AgentId::parse(agent).ok()?, secret })
    }

    /// The token as its holder writes it.
    pub fn reveal(&self) -> String {
        sealed(format!("moltc_{}_{}", self.agent, self.secret.0))
    }
}

/// The server's pepper: a secret of the deployment with a version, so that it can be changed while what was hashed
/// under the previous one still opens. Written `<version>:<text>`, or just the text for version 1.
#[derive(Clone)]
pub struct Pepper {
    current: (u32, String),
    previous: Option<(u32, String)>,
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {})", self.current.0)
    }
}

impl Pepper {
    /// Reads the pepper in use and, if set, the one before it. `None` if the current one is shorter than 16 bytes.
    pub fn parse(current: &str, previous: Option<&str>) -> Option<Self> {
        let read = |text: &str| {
            let (version, value) = text
                .split_once(':')
                .and_then(|(v, value)| Some((v.parse().ok()?, value)))
                .unwrap_or((1, text));
            (value.len() >= 16).then(|| (version, value.to_owned()))
        };
        Some(Self { current: read(current)?, previous: previous.and_then(read) })
    }

    /// Version of the pepper in use.
    pub fn version(&self) -> u32 {
        self.current.0
    }

    /// Versions of the peppers that open what is stored, the one in use first.
    pub fn versions(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(self.current.0).chain(self.previous.iter().map(|(version, _)| *version))
    }

    fn value(&self, version: u32) -> Option<&str> {
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|(v, _)| *v == version)
            .map(|(_, value)| value.as_str())
    }

    /// HMAC-SHA-256 of `parts`, each with its length before it, under the pepper in use: for what is derived, not
    /// stored. `purpose` keeps uses apart.
    pub fn derive(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        let mut mac = keyed(&self.current.1);
        for part in std::iter::once(&purpose).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// The same under a named version; `None` if that pepper is gone.
    pub fn derive_with(&self, version: u32, purpose: &str, parts: &[&str]) -> Option<[u8; 32]> {
        let value = self.value(version)?.to_owned();
        Some(Self { current: (version, value), previous: None }.derive(purpose, parts))
    }
}

fn keyed(pepper: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length; the fallback is never reached.
    Hmac::<Sha256>::new_from_slice(pepper.as_bytes()).unwrap_or_else(|_| Hmac::<Sha256>::new(&[0; 64].into()))
}

/// What is stored of a secret: HMAC-SHA-256 under a pepper, and that pepper's version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretHash {
    /// Version of the pepper.
    pub version: u32,
    /// The HMAC, 64 hexadecimal digits.
    pub hash: String,
}

impl SecretHash {
    /// Hashes a secret under the pepper in use.
    pub fn of(secret: &Secret, pepper: &Pepper) -> Self {
        Self { version: pepper.version(), hash: hash_hex(secret, &pepper.current.1) }
    }

    /// Whether `secret` is the one that was hashed; compares in constant time.
    pub fn matches(&self, secret: &Secret, pepper: &Pepper) -> bool {
        pepper
            .value(self.version)
            .is_some_and(|value| hash_hex(secret, value).as_bytes().ct_eq(self.hash.as_bytes()).into())
    }

    /// A hash that no secret has: checking against it costs what a real check costs.
    pub fn none(pepper: &Pepper) -> Self {
        Self { version: pepper.version(), hash: "-".repeat(64) }
    }
}

fn hash_hex(secret: &Secret, pepper: &str) -> String {
    let mut mac = keyed(pepper);
    mac.update(secret.0.as_bytes());
    alphabet::hex(&mac.finalize().into_bytes())
}

/// Whether two texts are equal, in time that depends on their lengths alone.
pub fn same_text(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u8) -> ApiKey {
        let agent = AgentId::mint(u128::from(seed));
        ApiKey {
            account: AccountId::parse("acme").unwrap(),
            id: KeyId::mint(&agent, 7),
            secret: Secret::mint([seed; 32]),
        }
    }

    #[test]
    fn every_kind_reads_what_it_wrote() {
        let key = key(3);
        assert_eq!(ApiKey::parse(&key.reveal()), Some(key.clone()));
        let token = AccountToken {
            account: key.account.clone(),
            id: TokenId::mint(9),
            secret: Secret::mint([1; 32]),
        };
        assert_eq!(AccountToken::parse(&token.reveal()), Some(token.clone()));
        let connect = ConnectToken { agent: key.id.agent(), secret: Secret::mint([2; 32]) };
        assert_eq!(ConnectToken::parse(&connect.reveal()), Some(connect.clone()));
        assert_eq!(ApiKey::parse(&token.reveal()), None);
        assert_eq!(AccountToken::parse(&connect.reveal()), None);
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let key = key(5);
        let secret = key.secret.0.clone();
        assert!(!format!("{key:?}").contains(&secret));
        assert!(!ApiKey::mask(&key.account, &key.id).contains(&secret));
    }

    #[test]
    fn a_hash_opens_for_its_secret_alone_and_survives_a_new_pepper() {
        let old = Pepper::parse("1:an old pepper of length", None).unwrap();
        let new = Pepper::parse("2:a new pepper of length!", Some("1:an old pepper of length")).unwrap();
        let hash = SecretHash::of(&key(1).secret, &old);
        assert!(hash.matches(&key(1).secret, &old));
        assert!(hash.matches(&key(1).secret, &new));
        assert!(!hash.matches(&key(2).secret, &old));
        assert!(!SecretHash::none(&old).matches(&key(1).secret, &old));
        let gone = Pepper::parse("2:a new pepper of length!", None).unwrap();
        assert!(!hash.matches(&key(1).secret, &gone));
        assert!(Pepper::parse("short", None).is_none());
    }

    #[test]
    fn derived_values_depend_on_where_the_parts_are_cut() {
        let pepper = Pepper::parse("a pepper of some length", None).unwrap();
        assert_ne!(pepper.derive("x", &["ab", "c"]), pepper.derive("x", &["a", "bc"]));
        assert_ne!(pepper.derive("x", &["a"]), pepper.derive("y", &["a"]));
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_found(seed: u8, at in 0usize..70, with in 0usize..62) {
            let text = key(seed).reveal();
            let mut typo = text.clone().into_bytes();
            prop_assume!(at < typo.len() && typo[at] != BASE62[with]);
            typo[at] = BASE62[with];
            prop_assert_eq!(ApiKey::parse(std::str::from_utf8(&typo).unwrap()), None);
        }

        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = (ApiKey::parse(&text), AccountToken::parse(&text), ConnectToken::parse(&text));
        }
    }
}
