//! The parts that a message is made of.

use super::{nullable, quote::quote, url};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Kinds of parts.
const KINDS: [&str; 6] = ["text", "url", "data", "file", "image", "audio"];

/// One part of a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// `text`, `url`, `data`, `file`, `image` or `audio`.
    #[serde(deserialize_with = "nullable")]
    pub kind: String,
    /// What a text part says.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Type of what `url` points at.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// Where it is: `http`, `https` or `molt`.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Its file name.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// Any JSON object. Numbers are 64-bit at most, since clients read them so.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

impl Part {
    /// Checks the part's kind and URL; the rest is free.
    ///
    /// # Errors
    /// The original's words.
    pub fn check(&self) -> Result<(), String> {
        if !KINDS.contains(&self.kind.trim()) {
            return Err(format!("unsupported part kind {}", quote(&self.kind)));
        }
        match self.url.trim() {
            "" => Ok(()),
            url => url::check(url).map_err(|fault| format!("url {fault}")),
        }
    }

    /// Whether the part is listed as an artifact: everything but plain text.
    pub fn is_artifact(&self) -> bool {
        self.kind != "text"
            || !self.url.is_empty()
            || !self.filename.is_empty()
            || !self.media_type.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(url: &str) -> Result<(), String> {
        Part { kind: "url".into(), url: url.into(), ..Part::default() }.check()
    }

    #[test]
    fn kinds_and_schemes_are_few() {
        for kind in KINDS {
            assert_eq!(Part { kind: format!(" {kind} "), ..Part::default() }.check(), Ok(()));
        }
        let video = Part { kind: "video".into(), ..Part::default() };
        assert_eq!(video.check(), Err("unsupported part kind \"video\"".into()));
        assert_eq!(url(" https://a.example/ "), Ok(()));
        assert_eq!(url("/a/b"), Err("url scheme \"\" is unsupported".into()));
    }

    #[test]
    fn data_is_an_object_and_empty_members_are_left_out() {
        let part: Part =
            serde_json::from_str(r#"{"kind":"data","data":{"b":[1],"a":null},"text":null}"#).unwrap();
        assert_eq!(serde_json::to_string(&part).unwrap(), r#"{"kind":"data","data":{"a":null,"b":[1]}}"#);
        for bad in
            [r#"{"kind":"data","data":[1]}"#, r#"{"data":"x"}"#, r#"{"data":{"a":1e999}}"#, r#"{"kind":1}"#]
        {
            assert!(serde_json::from_str::<Part>(bad).is_err(), "{bad}");
        }
        let empty: Part = serde_json::from_str(r#"{"kind":"data","data":{}}"#).unwrap();
        assert_eq!(serde_json::to_string(&empty).unwrap(), r#"{"kind":"data"}"#);
    }

    #[test]
    fn everything_but_plain_text_is_an_artifact() {
        let part = |json: &str| serde_json::from_str::<Part>(json).unwrap().is_artifact();
        assert!(!part(r#"{"kind":"text","text":"x","data":{"a":1}}"#));
        assert!(part(r#"{"kind":"text","url":"https://a"}"#));
        assert!(part(r#"{"kind":"text","filename":"a"}"#));
        assert!(part(r#"{"kind":"data"}"#));
        assert!(part(r#"{"kind":" text"}"#));
    }
}
