//! Where agents and their replicas run: the documented names, and how near two of them are (agent-endpoints §7).
//!
//! A name is one of the usual regions of the clouds, or one of the nine places that the platform can put an object in.
//! Each region lies in one place.

use crate::error::{Code, Problem};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The places, as the platform's location hints name them, and the regions that lie there.
const PLACES: [(&str, &[&str]); 9] = [
    ("wnam", &["us-west-1", "us-west-2", "ca-west-1"]),
    ("enam", &["us-east-1", "us-east-2", "ca-central-1"]),
    ("sam", &["sa-east-1"]),
    (
        "weur",
        &["eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1"],
    ),
    ("eeur", &[]),
    (
        "apac",
        &["ap-southeast-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-east-1"],
    ),
    ("oc", &["ap-southeast-2"]),
    ("afr", &["af-south-1"]),
    ("me", &["me-central-1", "me-south-1", "il-central-1"]),
];

/// A region of the documented list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region {
    name: &'static str,
    place: &'static str,
}

/// How far two regions are from each other, the nearest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// The same region, or one of them is not known.
    #[default]
    Same,
    /// The same place.
    Near,
    /// Another place.
    Far,
}

impl Region {
    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        PLACES.iter().find_map(|(place, regions)| {
            let name = std::iter::once(place).chain(*regions).find(|name| **name == text)?;
            Some(Self { name, place })
        })
    }

    /// Every name of the list.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PLACES.iter().flat_map(|(place, regions)| std::iter::once(*place).chain(regions.iter().copied()))
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.name
    }

    /// The place that it lies in, as a location hint.
    pub fn place(self) -> &'static str {
        self.place
    }

    /// How far a replica is from the region of its agent.
    pub fn distance(home: Option<Self>, replica: Option<Self>) -> Distance {
        match (home, replica) {
            (Some(home), Some(replica)) if home.place != replica.place => Distance::Far,
            (Some(home), Some(replica)) if home.name != replica.name => Distance::Near,
            _ => Distance::Same,
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| D::Error::custom("it is no region of the list"))
    }
}

/// `unknown_region`, with the names that there are.
pub fn unknown(param: &str) -> Problem {
    let names: Vec<_> = Region::names().collect();
    Problem::new(Code::UnknownRegion, format!("{param}: it must be one of {}.", names.join(", ")))
        .param(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_is_there_once() {
        let names: Vec<_> = Region::names().collect();
        for name in &names {
            let region = Region::parse(name).unwrap();
            assert_eq!((region.as_str(), serde_json::to_value(region).unwrap()), (*name, (*name).into()));
            assert!(PLACES.iter().any(|(place, _)| *place == region.place()));
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
        assert!(serde_json::from_str::<Region>(r#""eu""#).is_err());
        assert!(unknown("region").message.contains("ap-southeast-1"));
    }

    #[test]
    fn the_same_region_is_nearer_than_the_same_place_and_that_than_another() {
        let region = Region::parse;
        let of = |home, replica| Region::distance(region(home), region(replica));
        assert_eq!(of("eu-west-1", "eu-west-1"), Distance::Same);
        assert_eq!(of("eu-west-1", "eu-west-2"), Distance::Near);
        assert_eq!(of("weur", "eu-west-2"), Distance::Near);
        assert_eq!(of("eu-west-1", "us-east-1"), Distance::Far);
        assert_eq!(of("eu-west-1", "nowhere"), Distance::Same);
        assert!(Distance::Same < Distance::Near && Distance::Near < Distance::Far);
    }
}
