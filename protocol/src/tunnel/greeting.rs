//! How a link begins: the connector says which versions it speaks and who it is, the endpoint which one it is.

use super::head::{check_lines, headers, HeadError};
use super::MAX_GREETING;
use std::fmt;

/// Most of `weight`.
const MAX_WEIGHT: u16 = 100;

/// Longest `software`, in bytes.
const MAX_SOFTWARE: usize = 128;

/// The name of a replica: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplicaName(String);

impl ReplicaName {
    /// The replica of a connector that names none.
    pub const DEFAULT: &'static str = "default";

    /// Reads a name; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        (first && rest && text.len() <= 63).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplicaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first frame of a connector: a byte for the lowest version that it speaks, one for the highest, then lines.
/// Fields that are not known are passed over, so that later versions may say more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The lowest and the highest version that it speaks.
    pub versions: (u8, u8),
    /// `replica`: which one it is.
    pub replica: ReplicaName,
    /// `weight`, 1 to 100: its share of the calls.
    pub weight: u16,
    /// `region`: where it runs, in the agent's own words.
    pub region: Option<String>,
    /// `software`: what it is, for people.
    pub software: String,
}

impl Hello {
    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(payload: &[u8]) -> Result<Self, HeadError> {
        let [low, high, text @ ..] = payload else { return Err(HeadError::Field) };
        let lines = text_of(text)?;
        let field = |name: &str| headers(lines).find(|(known, _)| *known == name).map(|(_, value)| value);
        if low > high || *low == 0 {
            return Err(HeadError::Field);
        }
        let replica = ReplicaName::parse(field("replica").unwrap_or(ReplicaName::DEFAULT));
        let weight = field("weight").map_or(Ok(1), str::parse).ok();
        let region = field("region").map(str::to_owned);
        Ok(Self {
            versions: (*low, *high),
            replica: replica.ok_or(HeadError::Field)?,
            weight: weight.filter(|weight| (1..=MAX_WEIGHT).contains(weight)).ok_or(HeadError::Field)?,
            region: match region {
                Some(region) if ReplicaName::parse(&region).is_none() => return Err(HeadError::Field),
                region => region,
            },
            software: field("software").unwrap_or_default().chars().take(MAX_SOFTWARE).collect(),
        })
    }

    /// Whether it speaks a version.
    pub fn speaks(&self, version: u8) -> bool {
        (self.versions.0..=self.versions.1).contains(&version)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&[self.versions.0, self.versions.1]);
        line(to, "replica", self.replica.as_str());
        line(to, "weight", &self.weight.to_string());
        if let Some(region) = &self.region {
            line(to, "region", region);
        }
        if !self.software.is_empty() {
            line(to, "software", &self.software);
        }
    }
}

/// The endpoint's answer: a byte for the version that both speak from now on, then lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The version.
    pub version: u8,
    /// `agent`: the agent's id.
    pub agent: String,
    /// `link`: a name for this link, for logs.
    pub link: String,
}

impl Welcome {
    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(payload: &[u8]) -> Result<Self, HeadError> {
        let [version, text @ ..] = payload else { return Err(HeadError::Field) };
        let lines = text_of(text)?;
        let field = |name: &str| {
            let value = headers(lines).find(|(known, _)| *known == name);
            value.map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        if *version == 0 {
            return Err(HeadError::Field);
        }
        Ok(Self { version: *version, agent: field("agent"), link: field("link") })
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.push(self.version);
        line(to, "agent", &self.agent);
        line(to, "link", &self.link);
    }
}

fn line(to: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\n"] {
        to.extend_from_slice(part.as_bytes());
    }
}

fn text_of(text: &[u8]) -> Result<&str, HeadError> {
    if text.len() > MAX_GREETING {
        return Err(HeadError::Value);
    }
    let lines = std::str::from_utf8(text).map_err(|_| HeadError::NotText)?;
    check_lines(lines)?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_that_says_little_is_the_default_replica() {
        let hello = Hello::read(b"\x01\x03unknown: field\n").unwrap();
        assert_eq!((hello.replica.as_str(), hello.weight, hello.region.clone()), ("default", 1, None));
        assert!(hello.speaks(1) && hello.speaks(3) && !hello.speaks(4));
    }

    #[test]
    fn greetings_read_back() {
        let hello = Hello {
            versions: (1, 1),
            replica: ReplicaName::parse("gpu-2.b").unwrap(),
            weight: 100,
            region: Some("eu-west".into()),
            software: "moltghost/0.1".into(),
        };
        let mut bytes = Vec::new();
        hello.write(&mut bytes);
        assert_eq!(Hello::read(&bytes), Ok(hello));
        let welcome = Welcome { version: 1, agent: "abc".into(), link: "7".into() };
        let mut bytes = Vec::new();
        welcome.write(&mut bytes);
        assert_eq!(Welcome::read(&bytes), Ok(welcome));
    }

    #[test]
    fn wrong_fields_are_refused() {
        for bad in [
            &b""[..],
            b"\x01",
            b"\x00\x01",
            b"\x02\x01",
            b"\x01\x01replica: -a\n",
            b"\x01\x01replica: \n",
            b"\x01\x01weight: 0\n",
            b"\x01\x01weight: 101\n",
            b"\x01\x01weight: x\n",
            b"\x01\x01region: a b\n",
            b"\x01\x01replica: a",
        ] {
            assert!(Hello::read(bad).is_err(), "{bad:?}");
        }
        assert!(Welcome::read(b"").is_err() && Welcome::read(b"\x00").is_err());
        assert!(ReplicaName::parse(&"a".repeat(64)).is_none());
    }
}
