//! Header lines as they cross from JavaScript, read once.

/// Text that ends in header lines, `name: value\n` each with its name in lower case, and where each of them stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    text: String,
    /// Of each line its begin, the end of its name, and its end.
    headers: Vec<(usize, usize, usize)>,
}

impl Lines {
    /// Reads the lines below `line`, the end of the text's first one.
    pub(super) fn below(text: String, line: usize) -> Self {
        let mut headers = Vec::with_capacity(16);
        let (mut begin, mut name) = (line + 1, None);
        for (at, byte) in text.bytes().enumerate().skip(begin) {
            match byte {
                b':' if name.is_none() => name = Some(at),
                b'\n' => {
                    headers.extend(name.take().map(|name| (begin, name, at)));
                    begin = at + 1;
                }
                _ => {}
            }
        }
        headers.extend(name.map(|name| (begin, name, text.len())));
        Self { text, headers }
    }

    /// A part of the text.
    pub(super) fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Every header.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(begin, name, end)| (self.part(*begin, *name), self.part(name + 2, *end)))
    }

    /// The value of a header.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.all().find(|(n, _)| *n == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_names_and_values() {
        let text = "200\na: 1\nempty: \nurl: http://x: 2\nno line\nlast: é";
        let lines = Lines::below(text.to_owned(), 3);
        let all: Vec<_> = lines.all().collect();
        assert_eq!(all, [("a", "1"), ("empty", ""), ("url", "http://x: 2"), ("last", "é")]);
        assert_eq!(lines.value("url"), Some("http://x: 2"));
        assert_eq!(lines.value("no line"), None);
        assert_eq!(lines.part(0, 3), "200");
    }

    #[test]
    fn there_may_be_none() {
        for text in ["", "GET / -", "GET / -\n"] {
            let line = text.find('\n').unwrap_or(text.len());
            assert_eq!(Lines::below(text.to_owned(), line).all().count(), 0, "{text:?}");
        }
    }
}
