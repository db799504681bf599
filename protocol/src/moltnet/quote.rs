//! Ids inside refusals, quoted as the original quotes them: double quotes, backslash escapes.

use std::fmt::Write;

/// Characters from here on, of the last private plane, stand for bytes that are no UTF-8: this and the byte.
pub const STRAY_BYTES: u32 = 0x10_FF00;

/// `text` between double quotes, with escapes for what cannot be printed.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            _ => {
                let code = u32::from(c);
                // Writing to a string cannot fail.
                let _ = match code {
                    _ if prints(c) => quoted.write_char(c),
                    STRAY_BYTES.. => write!(quoted, "\\x{:02x}", code - STRAY_BYTES),
                    0..0x80 => write!(quoted, "\\x{code:02x}"),
                    0x80..0x1_0000 => write!(quoted, "\\u{code:04x}"),
                    _ => write!(quoted, "\\U{code:08x}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a character leaves a mark on paper; of all spaces, only the common one counts.
fn prints(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{e0000}'..='\u{e00ff}' | '\u{f0000}'..='\u{10ffff}');
    c == ' ' || !(c.is_whitespace() || c.is_control() || invisible)
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        assert_eq!(quote("general"), r#""general""#);
        assert_eq!(quote("a\"b\\c\n\u{1}\u{7f}"), r#""a\"b\\c\n\x01\x7f""#);
        assert_eq!(quote("büro ☃\u{a0}\u{200b}"), "\"büro ☃\\u00a0\\u200b\"");
        assert_eq!(quote("\u{e0001}"), "\"\\U000e0001\"");
    }
}
