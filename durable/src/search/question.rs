//! What somebody searches for: words that must all stand in a message, phrases between quotation marks, and words
//! that end in `*`, which stand for all that begin so. No operators: whatever else is typed is text.

use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};

/// Longest question in bytes.
pub const MAX_BYTES: usize = 256;

/// Most words and phrases of a question.
pub const MAX_TERMS: usize = 16;

/// A question that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    text: String,
    prefix: bool,
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// 422 where it is too long, or holds no word, or too many.
    pub fn parse(text: &str) -> Outcome<Self> {
        if text.trim().is_empty() {
            return Err(MoltnetError::invalid("q is required: the words to search for"));
        }
        if text.len() > MAX_BYTES {
            return Err(MoltnetError::invalid(format!("q must be {MAX_BYTES} bytes or fewer")));
        }
        let mut terms = Vec::new();
        // Every second piece stands between quotation marks.
        for (index, piece) in text.split('"').enumerate() {
            if index % 2 == 1 {
                terms.push(Term { text: piece.to_owned(), prefix: false });
            } else {
                let words = piece.split_whitespace();
                terms.extend(words.map(|word| match word.strip_suffix('*') {
                    Some(start) => Term { text: start.to_owned(), prefix: true },
                    None => Term { text: word.to_owned(), prefix: false },
                }));
            }
        }
        terms.retain(|term| term.text.chars().any(char::is_alphanumeric));
        if terms.is_empty() {
            return Err(MoltnetError::invalid("q must hold a word: letters or digits"));
        }
        if terms.len() > MAX_TERMS {
            return Err(MoltnetError::invalid(format!("q must hold {MAX_TERMS} words or fewer")));
        }
        Ok(Self { terms })
    }

    /// The question as the index takes it. Between quotation marks nothing has a meaning; none stands in a term.
    pub(super) fn expression(&self) -> String {
        let quoted = |term: &Term| {
            let text: String = term.text.chars().map(|c| if c == '\0' { ' ' } else { c }).collect();
            format!("\"{text}\"{}", if term.prefix { " *" } else { "" })
        };
        let terms: Vec<String> = self.terms.iter().map(quoted).collect();
        terms.join(" AND ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Sql;
    use proptest::prelude::*;

    fn expression(text: &str) -> String {
        Question::parse(text).unwrap().expression()
    }

    #[test]
    fn words_phrases_and_beginnings() {
        assert_eq!(expression(" fox  Bear "), r#""fox" AND "Bear""#);
        assert_eq!(expression(r#""brown fox" the"#), r#""brown fox" AND "the""#);
        assert_eq!(expression("fo* - !"), r#""fo" *"#);
        assert_eq!(expression("a OR b NOT c:d"), r#""a" AND "OR" AND "b" AND "NOT" AND "c:d""#);
        assert_eq!(expression(r#"open "end"#), r#""open" AND "end""#);
    }

    #[test]
    fn what_cannot_be_asked_is_refused_at_its_limit() {
        let refusal = |text: &str| Question::parse(text).unwrap_err().message;
        assert_eq!(refusal(" "), "q is required: the words to search for");
        assert_eq!(refusal("*** \"\""), "q must hold a word: letters or digits");
        assert!(Question::parse(&"a".repeat(256)).is_ok());
        assert_eq!(refusal(&"a".repeat(257)), "q must be 256 bytes or fewer");
        assert!(Question::parse(&"a ".repeat(16)).is_ok());
        assert_eq!(refusal(&"a ".repeat(17)), "q must hold 16 words or fewer");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_the_index_understands_it(text in ".{0,60}") {
            let sql = crate::sqlite::Sqlite::new();
            sql.script(include_str!("../../../migrations/search/0001_search.sql"));
            if let Ok(question) = Question::parse(&text) {
                let names = ["room:n:a".into()];
                let places = super::super::Places { conversations: Some(&names), direct: true };
                let (query, parameters) = super::super::find(&question, places, None, 5);
                prop_assert!(sql.run(query, &parameters).is_ok(), "{}", question.expression());
            }
        }
    }
}
