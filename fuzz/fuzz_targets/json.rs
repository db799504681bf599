//! Our reading of a request's body against `serde_json`'s: both accept the same texts and see the same members,
//! within the limits that only we set.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::json::{Edits, JsonError, Members};
use serde_json::value::RawValue;
use serde_json::Value;
use std::collections::HashMap;

fuzz_target!(|body: &[u8]| {
    let theirs = serde_json::from_slice::<Value>(body);
    match Members::parse(body) {
        Ok(members) => {
            let raw: HashMap<String, Box<RawValue>> = match &theirs {
                Ok(_) => serde_json::from_slice(body).expect("an object, as we say"),
                // Their limit is one level stricter than ours.
                Err(error) if error.to_string().contains("recursion limit") => return,
                Err(error) => panic!("we accept what they refuse: {error}"),
            };
            let names: Vec<String> = members.entries(body).map(|(name, _)| name).collect();
            assert_eq!(names.len(), members.len());
            assert!(names.iter().all(|name| raw.contains_key(name)));
            for (name, value) in &raw {
                let ours = members.get(body, name).expect("a member that they see");
                assert_eq!(ours.raw(), value.get().as_bytes());
                let repeated = names.iter().filter(|other| *other == name).count() > 1;
                assert_eq!(members.get_unique(body, name).is_err(), repeated);
            }
            edit(body, &members, &theirs);
        }
        Err(JsonError::TooDeep { .. } | JsonError::TooManyMembers) => {}
        Err(JsonError::NotAnObject) => match theirs {
            Ok(value) => assert!(!value.is_object()),
            Err(error) => assert!(error.to_string().contains("recursion limit"), "{error}"),
        },
        Err(error) => assert!(theirs.is_err(), "we refuse what they accept: {error}"),
    }
});

/// Edits give what the same changes to a map give.
fn edit(body: &[u8], members: &Members, theirs: &Result<Value, serde_json::Error>) {
    let Ok(Value::Object(expected)) = theirs else { return };
    let mut expected = expected.clone();
    let mut edits = Edits::new();
    edits.set("a", &b"[1]"[..]);
    edits.remove("b");
    edits.set_string("c", "\"\n");
    expected.insert("a".into(), vec![1].into());
    expected.remove("b");
    expected.insert("c".into(), "\"\n".into());
    let mut out = Vec::new();
    edits.write(body, members, &mut out);
    assert_eq!(edits.apply(body.to_vec(), members), out);
    assert_eq!(serde_json::from_slice::<Value>(&out).expect("still JSON"), Value::Object(expected));
}
