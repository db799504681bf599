//! Cursors: where a page begins. A cursor is the id of an item; members may be full names, whose slashes no plain id
//! has, so those are cursors too (rulings #17).

use super::{id, member, quote::quote};

/// Whether `text` can be a cursor.
///
/// # Errors
/// The original's words.
pub fn check(text: &str) -> Result<(), String> {
    if let Some((network, agent)) = member::parse_fqid(text) {
        if id::check(network).is_ok() && id::check(agent).is_ok() {
            return Ok(());
        }
    }
    id::check(text).map_err(str::to_owned)
}

/// The refusal of a cursor that names nothing in the list: 422.
pub fn invalid(cursor: &str) -> String {
    format!("invalid cursor {}", quote(cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_names_of_members_are_cursors() {
        assert_eq!(check("molt://n/agents/a"), Ok(()));
        assert!(check("molt://n/rooms/a").is_err());
        assert!(check("molt://n/agents/-").is_err());
        assert_eq!(check("n:a"), Ok(()));
        assert_eq!(invalid("x"), "invalid cursor \"x\"");
    }
}
