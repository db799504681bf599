//! Changes to a few members of a JSON object. Every byte that belongs to no changed member stays as it is.

use super::members::Members;
use super::text::push_string;
use std::borrow::Cow;
use std::ops::Range;

/// What shall be changed, in the order in which new members are to stand.
#[derive(Debug, Default)]
pub struct Edits<'a> {
    /// Names, and the new value's text or `None` for a member that goes.
    list: Vec<(&'static str, Option<Cow<'a, [u8]>>)>,
}

/// Bytes to stand in the place of others.
type Patch<'e> = (Range<usize>, Cow<'e, [u8]>);

impl<'a> Edits<'a> {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Sets `name` to `raw`, which must be the text of a JSON value. Of a name that stands several times the last
    /// one is set and the others go; a name that does not stand is added at the end.
    pub fn set(&mut self, name: &'static str, raw: impl Into<Cow<'a, [u8]>>) {
        self.list.push((name, Some(raw.into())));
    }

    /// Sets `name` to a string.
    pub fn set_string(&mut self, name: &'static str, text: &str) {
        let mut raw = Vec::with_capacity(text.len() + 2);
        push_string(&mut raw, text);
        self.set(name, raw);
    }

    /// Takes `name` out, wherever it stands.
    pub fn remove(&mut self, name: &'static str) {
        self.list.push((name, None));
    }

    /// Changes `body`, in which `members` were found, in its own memory as far as that has room.
    pub fn apply(&self, mut body: Vec<u8>, members: &Members) -> Vec<u8> {
        let patches = self.patches(&body, members);
        let grown: usize = patches.iter().map(|(range, text)| text.len().saturating_sub(range.len())).sum();
        body.reserve(grown);
        // From the end, so that the offsets of those before stay right; most changes stand near the end, where
        // little has to move.
        for (range, text) in patches.into_iter().rev() {
            if range.start <= range.end && range.end <= body.len() {
                body.splice(range, text.iter().copied());
            }
        }
        body
    }

    /// Appends the changed `body`, in which `members` were found, to `out`.
    pub fn write(&self, body: &[u8], members: &Members, out: &mut Vec<u8>) {
        let mut done = 0;
        for (range, text) in self.patches(body, members) {
            out.extend_from_slice(body.get(done..range.start).unwrap_or_default());
            out.extend_from_slice(&text);
            done = range.end;
        }
        out.extend_from_slice(body.get(done..).unwrap_or_default());
    }

    /// The changes as patches, in the order of the text, none overlapping another.
    fn patches(&self, body: &[u8], members: &Members) -> Vec<Patch<'_>> {
        let mut patches = Vec::with_capacity(self.list.len() + 1);
        let mut placed = vec![false; self.list.len()];
        let mut any_kept = false;
        // End of the member before, and start of the one after.
        let mut before = members.open;
        let mut following = members.list.iter().skip(1);
        for (index, member) in members.list.iter().enumerate() {
            let next = following.next().map_or(member.value.end, |next| next.name.start);
            let edit = self.list.iter().position(|(name, _)| member.is(body, name));
            match edit.and_then(|edit| self.list.get(edit)) {
                None => any_kept = true,
                Some((name, Some(raw))) if !members.list.iter().skip(index + 1).any(|m| m.is(body, name)) => {
                    patches.push((member.value.clone(), Cow::Borrowed(raw.as_ref())));
                    placed.iter_mut().zip(&self.list).for_each(|(placed, edit)| *placed |= edit.0 == *name);
                    any_kept = true;
                }
                // A member goes with the comma before it, or, as long as nothing stays before it, the one after.
                Some(_) if any_kept => patches.push((before..member.value.end, Cow::Borrowed(&[]))),
                Some(_) => patches.push((member.name.start..next, Cow::Borrowed(&[]))),
            }
            before = member.value.end;
        }
        let mut added = Vec::new();
        for ((name, raw), placed) in self.list.iter().zip(placed) {
            if let (Some(raw), false) = (raw, placed) {
                if any_kept {
                    added.push(b',');
                }
                push_string(&mut added, name);
                added.push(b':');
                added.extend_from_slice(raw);
                any_kept = true;
            }
        }
        if !added.is_empty() {
            patches.push((before..before, Cow::Owned(added)));
        }
        patches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn edit(body: &str, edits: &Edits) -> String {
        let members = Members::parse(body.as_bytes()).unwrap();
        let mut out = Vec::new();
        edits.write(body.as_bytes(), &members, &mut out);
        assert_eq!(edits.apply(body.as_bytes().to_vec(), &members), out);
        String::from_utf8(out).unwrap()
    }

    fn removing(names: &[&'static str]) -> Edits<'static> {
        let mut edits = Edits::new();
        for name in names {
            edits.remove(name);
        }
        edits
    }

    #[test]
    fn only_the_named_members_change() {
        let body = "{ \"a\" : 1 ,\n\"b\": [ 1,2 ],\"c\":\"x\" }";
        let mut edits = Edits::new();
        edits.set("b", &b"null"[..]);
        edits.set("d", &b"4"[..]);
        assert_eq!(edit(body, &edits), "{ \"a\" : 1 ,\n\"b\": null,\"c\":\"x\",\"d\":4 }");
        assert_eq!(edit(body, &Edits::new()), body);
    }

    #[test]
    fn commas_go_with_the_members() {
        let body = r#"{"a":1, "b":2 ,"c":3}"#;
        assert_eq!(edit(body, &removing(&["a"])), r#"{"b":2 ,"c":3}"#);
        assert_eq!(edit(body, &removing(&["b"])), r#"{"a":1 ,"c":3}"#);
        assert_eq!(edit(body, &removing(&["c"])), r#"{"a":1, "b":2}"#);
        assert_eq!(edit(body, &removing(&["a", "b"])), r#"{"c":3}"#);
        assert_eq!(edit(body, &removing(&["c", "b"])), r#"{"a":1}"#);
        assert_eq!(edit(body, &removing(&["a", "c"])), r#"{"b":2}"#);
        assert_eq!(edit(body, &removing(&["a", "b", "c"])), "{}");
        assert_eq!(edit("{ }", &removing(&["a"])), "{ }");
    }

    #[test]
    fn an_emptied_object_takes_new_members_without_a_comma() {
        let mut edits = removing(&["a"]);
        edits.set("b", &b"2"[..]);
        edits.set_string("c", "\"");
        assert_eq!(edit(r#"{ "a":1 }"#, &edits), r#"{ "b":2,"c":"\"" }"#);
        assert_eq!(edit("{ }", &edits), r#"{"b":2,"c":"\"" }"#);
    }

    #[test]
    fn a_repeated_name_is_set_once() {
        let mut edits = Edits::new();
        edits.set("a", &b"9"[..]);
        assert_eq!(
            edit(r#"{"a":1,"b":2,"\u0061":3}"#, &edits),
            r#"{"b":2,"a":9}"#.replace("\"a\"", "\"\\u0061\"")
        );
    }

    proptest! {
        #[test]
        fn an_edit_is_what_a_map_would_do(
            given in prop::collection::btree_map("[a-f]", 0u8..9, 0..6),
            actions in prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c", "g"]), any::<bool>(), 0..4),
            pretty: bool,
        ) {
            let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            let mut expected: Map<String, Value> = given.iter().map(|(k, v)| (k.clone(), (*v).into())).collect();
            let mut edits = Edits::new();
            for (name, set) in actions {
                if set {
                    edits.set(name, &b"[true]"[..]);
                    expected.insert(name.into(), vec![true].into());
                } else {
                    edits.remove(name);
                    expected.remove(name);
                }
            }
            let out = edit(&write(&given).unwrap(), &edits);
            prop_assert_eq!(serde_json::from_str::<Map<String, Value>>(&out).unwrap(), expected, "{}", out);
        }
    }
}
