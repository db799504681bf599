//! Documents whose members stand more than once, or under names that are not in lower case: read as a tree, in the order
//! in which they were written, each member over what stood there before. As the original's reader does it, an object
//! adds to the one before it, a list takes its place item by item, and `null` leaves a text, a number or an object as
//! it was.

use super::outline::FREE;
use super::unreadable;
use crate::moltnet::error::Outcome;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The document with each member once, and names in lower case besides those of free data.
///
/// # Errors
/// 400 where it is no JSON, or a member has two values of different kinds.
pub(super) fn read(text: &str) -> Outcome<String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Merged { free: false }.deserialize(&mut reader).map(|whole| whole.to_string()).map_err(unreadable)
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Merged {
    /// Whether it is free data, in which names are what they are, and each member replaces the one before it.
    free: bool,
}

impl<'de> DeserializeSeed<'de> for Merged {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Merged {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(mut name) = members.next_key::<String>()? {
            if self.free {
                object.insert(name, members.next_value_seed(self)?);
                continue;
            }
            name.make_ascii_lowercase();
            let free = name == FREE;
            let value = members.next_value_seed(Self { free })?;
            let value = match object.remove(&name) {
                Some(before) if free => over_free(before, value),
                Some(before) => over(before, value),
                None => Some(value),
            };
            let different =
                || A::Error::custom(format!("`{name}` stands twice, with values of different kinds"));
            let value = value.ok_or_else(different)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Free data over free data: members of both.
fn over_free(before: Value, value: Value) -> Option<Value> {
    match (before, value) {
        (Value::Object(mut before), Value::Object(object)) => {
            before.extend(object);
            Some(Value::Object(before))
        }
        (Value::Null, value) => Some(value),
        (_, Value::Null) => Some(Value::Null),
        _ => None,
    }
}

/// A value over the one before it; `None` where they are of different kinds.
fn over(before: Value, value: Value) -> Option<Value> {
    match (before, value) {
        (Value::Array(_), Value::Null) => Some(Value::Null),
        (before, Value::Null) => Some(before),
        (Value::Object(mut before), Value::Object(object)) => {
            for (name, value) in object {
                let value = match before.remove(&name) {
                    Some(old) if name == FREE => over_free(old, value)?,
                    Some(old) => over(old, value)?,
                    None => value,
                };
                before.insert(name, value);
            }
            Some(Value::Object(before))
        }
        (Value::Array(before), Value::Array(list)) => {
            let mut before = before.into_iter();
            let item = |value| match before.next() {
                Some(old) => over(old, value),
                None => Some(value),
            };
            list.into_iter().map(item).collect::<Option<_>>().map(Value::Array)
        }
        (Value::Null, value) => Some(value),
        (before, value) => {
            (std::mem::discriminant(&before) == std::mem::discriminant(&value)).then_some(value)
        }
    }
}
