//! The members of a JSON text's outermost object, as spans of the text.

use super::cursor::Cursor;
use super::text::RawStr;
use super::{position, Grammar, JsonError, MAX_MEMBERS};
use std::ops::Range;

/// Where one member stands.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// The name with its quotes.
    pub name: Range<usize>,
    /// Whether an escape stands in the name.
    pub escaped: bool,
    /// The value, without the white space around it.
    pub value: Range<usize>,
}

impl Member {
    fn name<'a>(&self, text: &'a [u8]) -> RawStr<'a> {
        let inner = self.name.start + 1..self.name.end.saturating_sub(1);
        RawStr::new(text.get(inner).unwrap_or_default(), self.escaped)
    }

    /// Whether the member is called `name`.
    pub(super) fn is(&self, text: &[u8], name: &str) -> bool {
        self.name(text).is(name)
    }
}

/// Spans of the members of an object. They say nothing without the text that they were found in, which every
/// method takes again: a request can own both.
#[derive(Debug, Clone)]
pub struct Members {
    pub(super) list: Vec<Member>,
    /// Offset after the opening brace.
    pub(super) open: usize,
}

impl Members {
    /// Finds the members of a request's body, and proves the whole body right.
    pub fn parse(body: &[u8]) -> Result<Self, JsonError> {
        if let Err(error) = std::str::from_utf8(body) {
            let (line, column) = position(body, error.valid_up_to());
            return Err(JsonError::NotUtf8 { line, column });
        }
        Self::read(body, Grammar::Request)
    }

    /// Finds the members of a pod's answer, or of a piece of it that is known to be JSON. Bytes that are not UTF-8
    /// are not looked for.
    pub fn parse_answer(body: &[u8]) -> Result<Self, JsonError> {
        Self::read(body, Grammar::Answer)
    }

    fn read(body: &[u8], grammar: Grammar) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(body, grammar);
        let fault = |fault| JsonError::at(body, fault);
        match cursor.peek() {
            None => return Err(JsonError::Empty),
            Some(b'{') => {}
            Some(_) => {
                cursor.skip().and_then(|_| cursor.end()).map_err(fault)?;
                return Err(JsonError::NotAnObject);
            }
        }
        let open = cursor.at() + 1;
        let mut list = Vec::with_capacity(16);
        let mut more = cursor.enter_object().map_err(fault)?;
        while more {
            cursor.peek();
            let start = cursor.at();
            let name = cursor.name().map_err(fault)?;
            let end = start + name.raw().len() + 2;
            let value = cursor.skip().map_err(fault)?;
            if list.len() == MAX_MEMBERS {
                return Err(JsonError::TooManyMembers);
            }
            list.push(Member { name: start..end, escaped: name.raw().contains(&b'\\'), value });
            more = cursor.more_members().map_err(fault)?;
        }
        cursor.end().map_err(fault)?;
        Ok(Self { list, open })
    }

    /// The value of `name`; of several the last, as most readers of JSON take it.
    pub fn get<'a>(&self, body: &'a [u8], name: &str) -> Option<Value<'a>> {
        let member = self.list.iter().rev().find(|member| member.is(body, name))?;
        body.get(member.value.clone()).map(Value)
    }

    /// The value of `name`, which may stand once only: where readers differ on which of two counts, a check here and
    /// the pod could see different requests.
    pub fn get_unique<'a>(&self, body: &'a [u8], name: &str) -> Result<Option<Value<'a>>, JsonError> {
        let mut found = self.list.iter().filter(|member| member.is(body, name));
        let Some(member) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(JsonError::Repeated(name.to_owned()));
        }
        Ok(body.get(member.value.clone()).map(Value))
    }

    /// Names, escapes read, and values, in the order of the text.
    pub fn entries<'a>(&'a self, body: &'a [u8]) -> impl Iterator<Item = (String, Value<'a>)> {
        self.list.iter().filter_map(|member| {
            let value = body.get(member.value.clone()).map(Value)?;
            Some((member.name(body).to_text(), value))
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the object is empty.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value as it stands in its text, known to be well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(pub(crate) &'a [u8]);

impl<'a> Value<'a> {
    /// The value's text.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        match self.0.first() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// The value if it is `true` or `false`.
    pub fn bool(self) -> Option<bool> {
        match self.0 {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The value if it is a whole number that fits, written without fraction and exponent.
    pub fn unsigned(self) -> Option<u64> {
        std::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// The value if it is a number.
    pub fn float(self) -> Option<f64> {
        match self.kind() {
            Kind::Number => std::str::from_utf8(self.0).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The value if it is a string.
    pub fn string(self) -> Option<RawStr<'a>> {
        match self.0 {
            [b'"', inner @ .., b'"'] => Some(RawStr::new(inner, inner.contains(&b'\\'))),
            _ => None,
        }
    }

    /// Whether it is an array with at least one element.
    pub fn is_filled_array(self) -> bool {
        Cursor::new(self.0, Grammar::Answer).enter_array().unwrap_or(false)
    }

    /// The elements of an array; none for any other value.
    pub fn elements(self) -> impl Iterator<Item = Value<'a>> {
        let mut cursor = Cursor::new(self.0, Grammar::Answer);
        let mut more = cursor.enter_array().unwrap_or(false);
        std::iter::from_fn(move || {
            let span = if more { cursor.skip().ok()? } else { return None };
            more = cursor.more_elements().unwrap_or(false);
            self.0.get(span).map(Value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_are_found_under_their_unescaped_names() {
        let body = br#" {"a": [1, {"b":2}] , "stre\u0061m" :true,"x":"y","x":null}  "#;
        let members = Members::parse(body).unwrap();
        assert_eq!(members.get_unique(body, "a").unwrap().unwrap().raw(), br#"[1, {"b":2}]"#);
        assert_eq!(members.get_unique(body, "stream").unwrap().unwrap().bool(), Some(true));
        assert_eq!(members.get_unique(body, "b"), Ok(None));
        assert_eq!(members.get_unique(body, "x"), Err(JsonError::Repeated("x".into())));
        assert_eq!(members.get(body, "x").unwrap().kind(), Kind::Null);
        let entries: Vec<_> = members.entries(body).map(|(name, value)| (name, value.kind())).collect();
        assert_eq!(entries[1], ("stream".to_owned(), Kind::Bool));
        assert_eq!((entries.len(), entries[3].1), (4, Kind::Null));
    }

    #[test]
    fn what_is_no_object_is_refused_for_its_own_reason() {
        let error = |body: &[u8]| Members::parse(body).unwrap_err();
        assert_eq!(error(b" \n"), JsonError::Empty);
        assert_eq!(error(b"[1]"), JsonError::NotAnObject);
        assert_eq!(error(b"\"x\""), JsonError::NotAnObject);
        assert!(matches!(error(b"[1"), JsonError::Syntax { line: 1, column: 3, .. }));
        assert!(matches!(error(b"{}\n {}"), JsonError::Syntax { line: 2, column: 2, .. }));
        assert_eq!(error(b"{\n\"a\":\"\xff\"}"), JsonError::NotUtf8 { line: 2, column: 6 });
        let deep = "{\"a\":".to_owned() + &"[".repeat(128);
        assert_eq!(error(deep.as_bytes()), JsonError::TooDeep { line: 1, column: 133 });
        let many = format!("{{{}}}", vec!["\"a\":1"; MAX_MEMBERS + 1].join(","));
        assert_eq!(error(many.as_bytes()), JsonError::TooManyMembers);
        assert_eq!(Members::parse(b"{}").unwrap().len(), 0);
    }

    #[test]
    fn values_are_read_as_what_they_are() {
        assert_eq!(Value(b"12").unsigned(), Some(12));
        for text in ["-1", "1.0", "1e2", "\"1\"", "99999999999999999999"] {
            assert_eq!(Value(text.as_bytes()).unsigned(), None, "{text}");
        }
        assert_eq!(Value(b"1.5e1").float(), Some(15.0));
        assert_eq!(Value(b"\"1\"").float(), None);
        assert_eq!(Value(b"\"a\\n\"").string().unwrap().to_text(), "a\n");
        assert!(Value(b"[ 0 ]").is_filled_array());
        assert!(!Value(b"[ ]").is_filled_array() && !Value(b"{}").is_filled_array());
        let elements: Vec<_> = Value(b"[1 , [2,3],\"]\"]").elements().map(Value::raw).collect();
        assert_eq!(elements, [&b"1"[..], b"[2,3]", b"\"]\""]);
    }

    proptest! {
        #[test]
        fn every_value_is_what_serde_json_finds(
            given in prop::collection::btree_map("[a-c\\\\\"é]{1,3}", prop::num::i32::ANY, 0..6), pretty: bool,
        ) {
            let write = if pretty { serde_json::to_vec_pretty } else { serde_json::to_vec };
            let body = write(&given).unwrap();
            let members = Members::parse(&body).unwrap();
            prop_assert_eq!(members.len(), given.len());
            for (name, number) in &given {
                let value = members.get_unique(&body, name).unwrap().unwrap();
                prop_assert_eq!(value.float(), Some(f64::from(*number)));
            }
        }
    }
}
