//! The parts that a message is made of.

use super::{nullable, quote::quote};
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
            url => check_url(url).map_err(|fault| format!("url {fault}")),
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

/// Checks that a URL can be shown: a known scheme and, but for `molt`, a host.
fn check_url(url: &str) -> Result<(), String> {
    if url.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err("is invalid: it holds a control character".to_owned());
    }
    let before_fragment = url.split('#').next().unwrap_or_default();
    let scheme_end = before_fragment
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
        .filter(|at| before_fragment.get(*at..).is_some_and(|rest| rest.starts_with(':')));
    let (scheme, rest) = match scheme_end {
        Some(0) => return Err("is invalid: its scheme is missing".to_owned()),
        Some(at) if before_fragment.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let (scheme, rest) = before_fragment.split_at_checked(at).unwrap_or_default();
            (scheme.to_ascii_lowercase(), rest.trim_start_matches(':'))
        }
        Some(_) => return Err("is invalid: a colon stands in its first segment".to_owned()),
        None => (String::new(), before_fragment),
    };
    if !matches!(scheme.as_str(), "http" | "https" | "molt") {
        return Err(format!("scheme {} is unsupported", quote(&scheme)));
    }
    let authority =
        rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    check_host(host)?;
    if host.trim().is_empty() && scheme != "molt" {
        return Err("host is required".to_owned());
    }
    Ok(())
}

/// Checks the form of a host and its port.
fn check_host(host: &str) -> Result<(), String> {
    let port = if host.starts_with('[') {
        let Some((_, after)) = host.split_once(']') else {
            return Err("is invalid: a bracket of its host is not closed".to_owned());
        };
        after
    } else {
        host.find(':').and_then(|at| host.get(at..)).unwrap_or_default()
    };
    if !port.is_empty()
        && !port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err("is invalid: its port is not a number".to_owned());
    }
    if host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        return Err("is invalid: its host holds a character that no host has".to_owned());
    }
    Ok(())
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
        for fine in
            ["https://a.example/x?y#z", " HTTP://a:8080 ", "molt://n/agents/a", "molt:", "https://[::1]:1/"]
        {
            assert_eq!(url(fine), Ok(()), "{fine}");
        }
        assert_eq!(url("ftp://a/b"), Err("url scheme \"ftp\" is unsupported".into()));
        assert_eq!(url("/a/b"), Err("url scheme \"\" is unsupported".into()));
        assert_eq!(url("https:///b"), Err("url host is required".into()));
        assert_eq!(url("https:b"), Err("url host is required".into()));
        for broken in ["https://a\u{1}b", ":a", "1a:b", "https://a:b/", "https://[::1/", "https://a b/"] {
            assert!(url(broken).unwrap_err().starts_with("url is invalid: "), "{broken}");
        }
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
