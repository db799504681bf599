//! What a pod's chat completion, or one chunk of it, says: read in one pass, without building anything.
//!
//! Names are compared as they stand; no server escapes letters in them, and one that did would only go uncounted.

use super::usage::Usage;
use crate::json::cursor::{Cursor, Fault};
use crate::json::{Grammar, Kind, Members, RawStr, Value};

/// One entry of `choices`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// Which of the answers it belongs to.
    pub index: u64,
    /// `content` of the delta or message, or `text`.
    pub content: Option<RawStr<'a>>,
    /// Why the answer ended.
    pub finish_reason: Option<RawStr<'a>>,
    /// Bytes of everything that the model wrote: content, reasoning, refusal, arguments of tools.
    pub bytes: u64,
}

/// A completion or chunk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Completion<'a> {
    /// Number of entries in `choices`; `None` if there is no such list.
    pub choices: Option<u64>,
    /// `usage`, if it is an object.
    pub usage: Option<Value<'a>>,
    /// Whether it is an error instead: `error` is there and not null, or `object` is `error`.
    pub error: bool,
}

impl<'a> Completion<'a> {
    /// Reads a JSON object, and calls `each` for every entry of `choices`.
    pub fn read(text: &'a [u8], mut each: impl FnMut(&Choice<'a>)) -> Result<Self, Fault> {
        let mut cursor = Cursor::new(text, Grammar::Answer);
        let mut found = Self::default();
        let mut more = cursor.enter_object()?;
        while more {
            match cursor.name()?.raw() {
                b"choices" if cursor.peek() == Some(b'[') => {
                    let mut count = 0;
                    let mut more = cursor.enter_array()?;
                    while more {
                        each(&choice(&mut cursor)?);
                        count += 1;
                        more = cursor.more_elements()?;
                    }
                    found.choices = Some(count);
                }
                name @ (b"usage" | b"error" | b"object") => {
                    let value = {
                        let span = cursor.skip()?;
                        Value(cursor.slice(span))
                    };
                    match name {
                        b"usage" => found.usage = Some(value).filter(|value| value.kind() == Kind::Object),
                        b"error" => found.error |= value.kind() != Kind::Null,
                        _ => found.error |= value.raw() == b"\"error\"",
                    }
                }
                _ => {
                    cursor.skip()?;
                }
            }
            more = cursor.more_members()?;
        }
        cursor.end()?;
        Ok(found)
    }

    /// The figures of `usage`.
    pub fn figures(&self) -> Option<Usage> {
        let object = self.usage?.raw();
        let members = Members::parse_answer(object).ok()?;
        let figure = |name| members.get(object, name).and_then(count);
        Usage::reported(figure("prompt_tokens"), figure("completion_tokens"), figure("total_tokens"))
    }
}

/// A number of tokens; some servers write it as a float.
pub(super) fn count(value: Value<'_>) -> Option<u64> {
    value.unsigned().or_else(|| {
        let whole = value.float().filter(|n| *n >= 0.0 && *n < 9e15)?;
        format!("{whole:.0}").parse().ok()
    })
}

fn choice<'a>(cursor: &mut Cursor<'a>) -> Result<Choice<'a>, Fault> {
    let mut found = Choice::default();
    if cursor.peek() != Some(b'{') {
        cursor.skip()?;
        return Ok(found);
    }
    let mut more = cursor.enter_object()?;
    while more {
        match (cursor.name()?.raw(), cursor.peek()) {
            (b"delta" | b"message", Some(b'{')) => written(cursor, &mut found)?,
            (b"text", Some(b'"')) => {
                let text = cursor.string()?;
                found.bytes += text.text_length() as u64;
                found.content = Some(text);
            }
            (b"finish_reason", Some(b'"')) => found.finish_reason = Some(cursor.string()?),
            (b"index", Some(b'0'..=b'9')) => found.index = index(cursor)?,
            _ => {
                cursor.skip()?;
            }
        }
        more = cursor.more_members()?;
    }
    Ok(found)
}

fn index(cursor: &mut Cursor<'_>) -> Result<u64, Fault> {
    let span = cursor.skip()?;
    Ok(cursor.slice(span).iter().fold(0, |value: u64, digit| {
        value.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')))
    }))
}

/// Reads a delta or message, or a function call in it: whatever the model wrote is somewhere in there.
fn written<'a>(cursor: &mut Cursor<'a>, found: &mut Choice<'a>) -> Result<(), Fault> {
    let mut more = cursor.enter_object()?;
    while more {
        match (cursor.name()?.raw(), cursor.peek()) {
            (b"content", Some(b'"')) => {
                let text = cursor.string()?;
                found.bytes += text.text_length() as u64;
                found.content = Some(text);
            }
            (b"reasoning_content" | b"reasoning" | b"refusal" | b"arguments", Some(b'"')) => {
                found.bytes += cursor.string()?.text_length() as u64;
            }
            (b"function_call" | b"function", Some(b'{')) => written(cursor, found)?,
            (b"tool_calls", Some(b'[')) => {
                let mut more = cursor.enter_array()?;
                while more {
                    if cursor.peek() == Some(b'{') {
                        written(cursor, found)?;
                    } else {
                        cursor.skip()?;
                    }
                    more = cursor.more_elements()?;
                }
            }
            _ => {
                cursor.skip()?;
            }
        }
        more = cursor.more_members()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::usage::UsageSource;

    #[test]
    fn a_chunk_is_read_whatever_its_order() {
        let text = br#"{"choices":[{"finish_reason":"stop","delta":{"role":"assistant","content":"h\u00e9"},"index":1},
            {"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\""}}]}}],
            "usage":{"prompt_tokens":3,"completion_tokens":4.0,"total_tokens":null}}"#;
        let mut seen = Vec::new();
        let chunk = Completion::read(text, |c| {
            seen.push((c.index, c.bytes, c.content.map(RawStr::to_text), c.finish_reason.is_some()));
        })
        .unwrap();
        assert_eq!(seen, [(1, 3, Some("hé".to_owned()), true), (0, 4, None, false)]);
        assert_eq!((chunk.choices, chunk.error), (Some(2), false));
        let usage =
            Usage { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, source: UsageSource::Reported };
        assert_eq!(chunk.figures(), Some(usage));
    }

    #[test]
    fn text_that_looks_like_members_fools_nobody() {
        let text =
            br#"{"choices":[{"delta":{"content":"\"finish_reason\":\"stop\",\"usage\":{}"},"usage":{}}],
            "x":{"usage":{},"error":1},"usage":null,"error":null}"#;
        let chunk = Completion::read(text, |c| assert!(c.finish_reason.is_none() && c.bytes == 33)).unwrap();
        assert!(chunk.usage.is_none() && !chunk.error);
    }

    #[test]
    fn errors_are_told_apart() {
        let error = |text: &str| Completion::read(text.as_bytes(), |_| ()).unwrap().error;
        assert!(error(r#"{"error":{"message":"x"}}"#) && error(r#"{"error":"x"}"#));
        assert!(error(r#"{"object":"error","message":"x"}"#));
        assert!(!error(r#"{"object":"chat.completion.chunk","choices":[]}"#));
    }

    #[test]
    fn odd_shapes_are_passed_over() {
        for text in [
            r#"{"choices":[1,null,{"delta":[],"message":null,"text":7,"index":-1,"finish_reason":3}]}"#,
            r#"{"choices":[{"delta":{"content":["x"],"tool_calls":[1,{"function":2}],"function_call":{"arguments":1}}}]}"#,
            r#"{"choices":{},"usage":[1],"index":99999999999999999999}"#,
        ] {
            let chunk = Completion::read(text.as_bytes(), |c| assert_eq!(c.bytes, 0)).unwrap();
            assert!(chunk.figures().is_none());
        }
        for text in ["", "[]", "null", "{", "{}x", r#"{"choices":[{]}"#] {
            assert!(Completion::read(text.as_bytes(), |_| ()).is_err(), "{text}");
        }
    }
}
