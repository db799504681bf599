//! A look over a document that keeps nothing of it: what it is, and whether it can be read as it stands. Most can, and
//! a look costs a fraction of what it costs to hold a document as a tree.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use std::fmt;

/// Fields that hold one object. Serde would take an array for one, the original does not.
const OBJECTS: [&str; 6] = ["from", "origin", "target", "limits", "agent", "capabilities"];

/// Fields that hold a list of objects.
const LISTS: [&str; 5] = ["parts", "rooms", "agents", "tokens", "pairings"];

/// The field that holds whatever its sender likes.
pub(super) const FREE: &str = "data";

/// What was seen of a document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    pub kind: Kind,
    /// Whether a field's name is not in lower case.
    pub folds: bool,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// What a document is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// An object with members.
    Object,
    /// An object without any.
    Empty,
    /// `null`.
    Null,
    /// Anything else.
    #[default]
    Other,
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place {
    Top,
    /// In a field that holds an object.
    Object(&'static str),
    /// In a field that holds a list of objects, or in any other field.
    Field(Option<&'static str>),
    /// In such a list, or in any other.
    Item(Option<&'static str>),
    /// In free data, or where nothing is looked at.
    Free,
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut outline = Self::default();
        Look { place: Place::Top, outline: &mut outline }.deserialize(deserializer)?;
        Ok(outline)
    }
}

/// Looks at one value.
struct Look<'a> {
    place: Place,
    outline: &'a mut Outline,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if matches!(self.place, Place::Top) {
            self.outline.kind = Kind::Null;
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let fault = match self.place {
            Place::Object(name) => Some(format!("{name} must be an object")),
            Place::Item(Some(name)) => Some(format!("{name} must hold objects")),
            _ => None,
        };
        self.outline.fault = self.outline.fault.take().or(fault);
        let place = match self.place {
            Place::Field(name) => Place::Item(name),
            _ => Place::Free,
        };
        while items.next_element_seed(Look { place, outline: self.outline })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut empty = true;
        if matches!(self.place, Place::Free) {
            while members.next_key::<IgnoredAny>()?.is_some() {
                members.next_value_seed(Look { place: Place::Free, outline: self.outline })?;
            }
            return Ok(());
        }
        while let Some((place, folds)) = members.next_key_seed(Name)? {
            empty = false;
            self.outline.folds |= folds;
            members.next_value_seed(Look { place, outline: self.outline })?;
        }
        if matches!(self.place, Place::Top) {
            self.outline.kind = if empty { Kind::Empty } else { Kind::Object };
        }
        Ok(())
    }
}

/// Looks at the name of a field: where its value stands, and whether the name is not in lower case.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = (Place, bool);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = (Place, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let known =
            |names: &[&'static str]| names.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
        let place = match known(&OBJECTS) {
            _ if name.eq_ignore_ascii_case(FREE) => Place::Free,
            Some(object) => Place::Object(object),
            None => Place::Field(known(&LISTS)),
        };
        Ok((place, name.bytes().any(|b| b.is_ascii_uppercase())))
    }
}
