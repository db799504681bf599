//! A cursor over a JSON text: it reads what is asked for and proves the rest right as it passes over it. It never
//! recurses and never allocates, so no text can exhaust the stack or the memory.

use super::text::RawStr;
use super::{Grammar, MAX_DEPTH};
use std::ops::Range;

/// The first thing that is wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Offset of the byte.
    pub at: usize,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not JSON, in plain words.
    Syntax(&'static str),
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Where we are in a text.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    depth: u32,
    pub(super) grammar: Grammar,
}

impl<'a> Cursor<'a> {
    /// Stands before the first byte.
    pub fn new(text: &'a [u8], grammar: Grammar) -> Self {
        Self { text, at: 0, depth: 0, grammar }
    }

    /// Offset of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The bytes of a span that [`Self::skip`] answered.
    pub fn slice(&self, span: Range<usize>) -> &'a [u8] {
        self.text.get(span).unwrap_or_default()
    }

    /// The next byte that is not white space, which is not passed; `None` at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// The fault that the next byte is.
    pub(super) fn fault<T>(&self, reason: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at.min(self.text.len()), reason: Reason::Syntax(reason) })
    }

    /// Passes an opening bracket and, if nothing stands in it, the closing one. Answers whether something does.
    fn enter(&mut self, close: u8) -> Result<bool, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault { at: self.at, reason: Reason::TooDeep });
        }
        self.at += 1;
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        self.depth += 1;
        Ok(true)
    }

    /// Goes into an object; true if it has members, each to be read by [`Self::name`], its value, and
    /// [`Self::more_members`].
    pub fn enter_object(&mut self) -> Result<bool, Fault> {
        if self.peek() != Some(b'{') {
            return self.fault("an object is missing here");
        }
        self.enter(b'}')
    }

    /// Goes into an array; true if it has elements, each to be read by its value and [`Self::more_elements`].
    pub fn enter_array(&mut self) -> Result<bool, Fault> {
        if self.peek() != Some(b'[') {
            return self.fault("an array is missing here");
        }
        self.enter(b']')
    }

    /// After a member's value: true if another member follows, false if the object ended.
    pub fn more_members(&mut self) -> Result<bool, Fault> {
        self.more(b'}', "a comma or a closing brace is missing after a member")
    }

    /// After an element: true if another one follows, false if the array ended.
    pub fn more_elements(&mut self) -> Result<bool, Fault> {
        self.more(b']', "a comma or a closing bracket is missing after an element")
    }

    #[inline]
    fn more(&mut self, close: u8, reason: &'static str) -> Result<bool, Fault> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                if self.peek() == Some(close) {
                    return self.fault("a comma stands before a closing bracket");
                }
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            None => self.fault("the text ends inside an object or array"),
            Some(_) => self.fault(reason),
        }
    }

    /// Reads a member's name and the colon after it.
    #[inline]
    pub fn name(&mut self) -> Result<RawStr<'a>, Fault> {
        if self.peek() != Some(b'"') {
            return self.fault("a name in double quotes is missing here");
        }
        let name = self.string()?;
        if self.peek() != Some(b':') {
            return self.fault("a colon is missing after the name");
        }
        self.at += 1;
        Ok(name)
    }

    /// Passes a value of any kind and answers where it stands.
    pub fn skip(&mut self) -> Result<Range<usize>, Fault> {
        // One bit for each open bracket, the innermost lowest: set for an object. MAX_DEPTH of them fit.
        let mut objects: u128 = 0;
        let outside = self.depth;
        self.peek();
        let start = self.at;
        loop {
            let opened = match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    false
                }
                Some(b'{') => {
                    let opened = self.enter(b'}')?;
                    objects = objects << u32::from(opened) | u128::from(opened);
                    opened
                }
                Some(b'[') => {
                    let opened = self.enter(b']')?;
                    objects <<= u32::from(opened);
                    opened
                }
                Some(_) => {
                    self.scalar()?;
                    false
                }
                None => return self.fault("a value is missing where the text ends"),
            };
            let mut more = opened;
            while !more {
                if self.depth == outside {
                    return Ok(start..self.at);
                }
                more = if objects & 1 == 1 { self.more_members()? } else { self.more_elements()? };
                if !more {
                    objects >>= 1;
                }
            }
            if objects & 1 == 1 {
                self.name()?;
            }
        }
    }

    /// Proves that nothing but white space follows.
    pub fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fault("something stands after the end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) -> Result<(), Fault> {
        let mut cursor = Cursor::new(text.as_bytes(), Grammar::Request);
        cursor.skip()?;
        cursor.end()
    }

    #[test]
    fn faults_stand_where_the_text_goes_wrong() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("{a:1}", 1),
            ("01", 0),
            ("-", 1),
            ("1.", 2),
            ("1e", 2),
            ("1e999", 0),
            ("nul", 0),
            ("truex", 4),
            ("\"a\nb\"", 2),
            ("\"\\x\"", 1),
            ("\"\\u12\"", 1),
            ("\"\\ud800\"", 1),
            ("\"\\udc00\"", 1),
            ("\"abc", 4),
            ("[[]", 3),
            ("[}", 1),
            ("{]", 1),
            ("\u{feff}{}", 0),
            ("[1}", 2),
            ("+1", 0),
            ("['a']", 1),
        ] {
            assert_eq!(check(text).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn depth_is_limited_exactly() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!(check(&nested(128)), Ok(()));
        assert_eq!(check(&nested(129)), Err(Fault { at: 128, reason: Reason::TooDeep }));
        let objects = |n: usize| "{\"a\":".repeat(n) + "0" + &"}".repeat(n);
        assert_eq!(check(&objects(128)), Ok(()));
        assert!(check(&objects(129)).is_err());
        assert!(check(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn answers_may_hold_half_a_surrogate_pair() {
        let text = br#"["\ud83d","\ude00",1e999]"#;
        assert!(Cursor::new(text, Grammar::Answer).skip().is_ok());
        assert!(Cursor::new(text, Grammar::Request).skip().is_err());
    }

    proptest! {
        #[test]
        fn it_is_as_strict_as_serde_json(text in "[\\[\\]{}:,\"\\\\ \n\tu0-9a-fA-F.eE+truefalsn-]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert_eq!(check(&text).is_ok(), theirs, "{}", text);
        }
    }
}
