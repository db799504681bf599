//! The two alphabets that ids and secrets are written in, and uniform random text in each.

/// Lower-case letters and digits: everything that can stand in a host name.
pub const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Letters of both cases and digits: everything that survives a double click.
pub const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of which 64 bits hold a number, in alphabets of up to 84 characters.
const GROUP: u32 = 10;

/// Writes `value` with `width` digits of `alphabet`, the most significant first; what does not fit is cut off.
///
/// With 128 random bits and at most 16 digits of [`BASE62`] (95.3 bits) the bias of each digit is below 2^-32.
pub fn encode(alphabet: &[u8], mut value: u128, width: usize) -> String {
    let base = alphabet.len().max(1) as u64;
    // Wasm divides 64 bits at once and 128 step by step, so the value is cut into groups of digits first.
    let group = u128::from(base.saturating_pow(GROUP));
    let mut digits = vec![b'0'; width];
    for part in digits.rchunks_mut(GROUP as usize) {
        let mut rest = u64::try_from(value % group).unwrap_or_default();
        value /= group;
        for digit in part.iter_mut().rev() {
            let index = usize::try_from(rest % base).unwrap_or_default();
            *digit = alphabet.get(index).copied().unwrap_or(b'0');
            rest /= base;
        }
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// Position of `character` in [`BASE36`].
pub fn base36_value(character: u8) -> Option<u32> {
    match character {
        b'0'..=b'9' => Some(u32::from(character - b'0')),
        b'a'..=b'z' => Some(u32::from(character - b'a') + 10),
        _ => None,
    }
}

/// Whether every byte is a lower-case letter or a digit.
pub fn is_base36(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Whether every byte is a letter or a digit.
pub fn is_base62(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Lower-case hexadecimal of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes that [`hex`] wrote, or `None` for anything else.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    bytes
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_most_significant_first_and_padded() {
        assert_eq!(encode(BASE36, 35, 3), "00z");
        assert_eq!(encode(BASE36, 36, 3), "010");
        assert_eq!(encode(BASE62, 61, 2), "0z");
        assert_eq!(encode(BASE62, u128::MAX, 22), "7n42DGM5Tflk9n8mt7Fhc7");
        assert_eq!(encode(BASE36, u128::MAX, 27), "00f5lxx1zz5pnorynqglhzmsp33");
    }

    #[test]
    fn hexadecimal_round_trips_and_refuses_the_rest() {
        assert_eq!(from_hex(&hex(&[0, 127, 255])), Some(vec![0, 127, 255]));
        assert_eq!(from_hex("abc"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
