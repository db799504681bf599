//! The heads of requests and responses: a first line, then `name: value` lines, each ended by a line feed.

use super::MAX_HEAD;
use std::fmt;

/// Header lines of one head.
const MAX_LINES: usize = 128;

/// Longest name of a header, in bytes.
const MAX_NAME: usize = 128;

/// Longest value of a header, in bytes.
const MAX_VALUE: usize = 16 * 1024;

/// Longest method, in bytes.
const MAX_METHOD: usize = 16;

/// Longest path, in bytes, with its query.
const MAX_PATH: usize = 4 * 1024;

/// What is wrong with a head or a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// It is not UTF-8.
    NotText,
    /// It does not end with a line feed.
    Unended,
    /// The method is not 1 to 16 capital letters.
    Method,
    /// The path does not begin with `/`, is longer than 4,096 bytes, or has something else than printable ASCII.
    Path,
    /// The status is not three digits from 200 to 599.
    Status,
    /// There are more than 128 header lines.
    Lines,
    /// A name is empty, longer than 128 bytes, or has something else than lower-case token characters.
    Name,
    /// A value is longer than 16,384 bytes, has a control character, or begins or ends with white space.
    Value,
    /// A greeting's own field is missing or wrong.
    Field,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotText => "it is not UTF-8",
            Self::Unended => "it does not end with a line feed",
            Self::Method => "the method is not one",
            Self::Path => "the path is not one",
            Self::Status => "the status is not one",
            Self::Lines => "it has more than 128 header lines",
            Self::Name => "a header's name is not one",
            Self::Value => "a header's value is not one",
            Self::Field => "a field of the greeting is missing or wrong",
        })
    }
}

/// The head of a request: `METHOD PATH\n`, then header lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path with its query, as it goes to the pod.
    pub path: &'a str,
    /// `name: value\n` lines, names in lower case.
    pub lines: &'a str,
}

/// The head of a response: `STATUS\n`, then header lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The status, 200 to 599.
    pub status: u16,
    /// `name: value\n` lines, names in lower case.
    pub lines: &'a str,
}

impl<'a> RequestHead<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(payload: &'a [u8]) -> Result<Self, HeadError> {
        let (first, lines) = parts(payload)?;
        let (method, path) = first.split_once(' ').ok_or(HeadError::Method)?;
        let head = Self { method, path, lines };
        head.check()?;
        Ok(head)
    }

    /// Whether it can be written.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), HeadError> {
        let method = self.method.as_bytes();
        if method.is_empty() || method.len() > MAX_METHOD || !method.iter().all(u8::is_ascii_uppercase) {
            return Err(HeadError::Method);
        }
        let path = self.path.as_bytes();
        let printable = path.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#');
        if path.first() != Some(&b'/') || path.len() > MAX_PATH || !printable {
            return Err(HeadError::Path);
        }
        check_lines(self.lines)
    }

    /// Names and values of the headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        headers(self.lines)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        for part in [self.method, " ", self.path, "\n", self.lines] {
            to.extend_from_slice(part.as_bytes());
        }
    }
}

impl<'a> ResponseHead<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(payload: &'a [u8]) -> Result<Self, HeadError> {
        let (first, lines) = parts(payload)?;
        let digits = first.len() == 3 && first.bytes().all(|byte| byte.is_ascii_digit());
        let status = first.parse().ok().filter(|_| digits).ok_or(HeadError::Status)?;
        let head = Self { status, lines };
        head.check()?;
        Ok(head)
    }

    /// Whether it can be written.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), HeadError> {
        if (200..=599).contains(&self.status) {
            check_lines(self.lines)
        } else {
            Err(HeadError::Status)
        }
    }

    /// Names and values of the headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        headers(self.lines)
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.status.to_string().as_bytes());
        to.push(b'\n');
        to.extend_from_slice(self.lines.as_bytes());
    }
}

/// The first line of a payload, and the lines after it.
fn parts(payload: &[u8]) -> Result<(&str, &str), HeadError> {
    if payload.len() > MAX_HEAD {
        return Err(HeadError::Value);
    }
    let text = std::str::from_utf8(payload).map_err(|_| HeadError::NotText)?;
    let (first, lines) = text.split_once('\n').ok_or(HeadError::Unended)?;
    Ok((first, lines))
}

/// Names and values of lines that were checked.
pub(super) fn headers(lines: &str) -> impl Iterator<Item = (&str, &str)> {
    lines.split('\n').filter_map(|line| line.split_once(": "))
}

/// Whether text is header lines.
pub(super) fn check_lines(lines: &str) -> Result<(), HeadError> {
    if lines.is_empty() {
        return Ok(());
    }
    let Some(lines) = lines.strip_suffix('\n') else { return Err(HeadError::Unended) };
    for (number, line) in lines.split('\n').enumerate() {
        if number >= MAX_LINES {
            return Err(HeadError::Lines);
        }
        let (name, value) = line.split_once(": ").ok_or(HeadError::Name)?;
        let token = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
        };
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(token) {
            return Err(HeadError::Name);
        }
        let control = |byte: u8| byte < b' ' && byte != b'\t' || byte == 0x7f;
        if value.len() > MAX_VALUE || value.bytes().any(control) || value.trim_matches([' ', '\t']) != value {
            return Err(HeadError::Value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(payload: &str) -> Result<RequestHead<'_>, HeadError> {
        RequestHead::read(payload.as_bytes())
    }

    fn response(payload: &str) -> Result<ResponseHead<'_>, HeadError> {
        ResponseHead::read(payload.as_bytes())
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let head = request("POST /v1/chat?x=1\naccept: */*\nx-name: J\u{f6}rg\n").unwrap();
        assert_eq!((head.method, head.path), ("POST", "/v1/chat?x=1"));
        assert_eq!(head.headers().collect::<Vec<_>>(), [("accept", "*/*"), ("x-name", "J\u{f6}rg")]);
        let mut again = Vec::new();
        head.write(&mut again);
        assert_eq!(RequestHead::read(&again), Ok(head));
        assert_eq!(request("GET /\n").unwrap().headers().count(), 0);
    }

    #[test]
    fn a_response_is_read_as_it_was_written() {
        let head = response("200\ncontent-type: text/event-stream\nempty: \n").unwrap();
        assert_eq!((head.status, head.headers().count()), (200, 2));
        let mut again = Vec::new();
        head.write(&mut again);
        assert_eq!(ResponseHead::read(&again), Ok(head));
    }

    #[test]
    fn what_is_no_head_is_refused_by_what_is_wrong() {
        let long = "x".repeat(MAX_VALUE + 1);
        let many = "a: b\n".repeat(MAX_LINES + 1);
        for (payload, why) in [
            ("", HeadError::Unended),
            ("GET /", HeadError::Unended),
            ("GET\n", HeadError::Method),
            ("get /\n", HeadError::Method),
            ("GETGETGETGETGETGE /\n", HeadError::Method),
            ("GET v1\n", HeadError::Path),
            ("GET /a b\n", HeadError::Path),
            ("GET /a#b\n", HeadError::Path),
            ("GET /\u{e4}\n", HeadError::Path),
            ("GET /\na: b", HeadError::Unended),
            ("GET /\na:b\n", HeadError::Name),
            ("GET /\n: b\n", HeadError::Name),
            ("GET /\nA: b\n", HeadError::Name),
            ("GET /\n\n", HeadError::Name),
            ("GET /\na: b\r\n", HeadError::Value),
            ("GET /\na:  b\n", HeadError::Value),
            ("GET /\na: b \n", HeadError::Value),
            ("GET /\na: \0\n", HeadError::Value),
            (&format!("GET /\na: {long}\n"), HeadError::Value),
            (&format!("GET /\n{many}"), HeadError::Lines),
        ] {
            assert_eq!(request(payload), Err(why), "{payload:.40}");
        }
        assert_eq!(RequestHead::read(b"GET /\xff\n"), Err(HeadError::NotText));
        for bad in ["", "\n", "99\n", "100\n", "600\n", "+200\n", "0200\n", "200 OK\n"] {
            assert!(response(bad).is_err(), "{bad}");
        }
    }
}
