//! Mentions: who is meant by `@name`, `@network:name` or `<@molt://…>`, found in text and resolved against the
//! members of a room or the participants of a direct conversation. What resolves to nobody, or to more than one, is
//! no mention: text is never refused for it.

use super::part::Part;
use super::{fqid, member};
use std::borrow::Cow;
use std::collections::HashSet;

/// A network of another name: the network's own id and names, and those of its pairings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NetworkAlias {
    /// What is written before the colon.
    pub alias: String,
    /// The network that it means.
    pub network: String,
}

/// Everybody whom a message may mention, as written: first those listed, then those in its text, none twice.
pub fn candidates<'a>(parts: &'a [Part], listed: &'a [String]) -> Vec<Cow<'a, str>> {
    let texts = parts.iter().filter(|part| part.kind == "text").flat_map(|part| Found { text: &part.text });
    let mut seen = HashSet::new();
    let mut all = listed.iter().map(String::as_str).chain(texts).filter(|name| !name.is_empty());
    let mut unique = Vec::new();
    for name in &mut all {
        if seen.insert(name) {
            unique.push(Cow::Borrowed(name));
        }
    }
    unique
}

/// Full names of those among `members` whom the candidates mean, none twice. A name that means nobody as it stands
/// is tried without the full stops and hyphens at its end (rulings #43).
pub fn resolve(
    home: &str,
    aliases: &[NetworkAlias],
    members: &[String],
    candidates: &[Cow<'_, str>],
) -> Vec<String> {
    let mut mentioned: Vec<String> = Vec::new();
    for candidate in candidates {
        let whole = candidate.trim();
        let found = resolve_one(home, aliases, members, whole).or_else(|| {
            let cut = whole.trim_end_matches(['.', '-']);
            (cut.len() < whole.len()).then(|| resolve_one(home, aliases, members, cut)).flatten()
        });
        mentioned.extend(found.filter(|name| !mentioned.contains(name)));
    }
    mentioned
}

fn resolve_one(home: &str, aliases: &[NetworkAlias], members: &[String], name: &str) -> Option<String> {
    if let Some((network, agent)) = member::parse_fqid(name) {
        return named(home, members, network, agent);
    }
    if let Some((alias, agent)) = member::parse_scoped(name) {
        let own = std::iter::once(home).filter(|home| *home == alias);
        let others = aliases.iter().filter(|known| known.alias == alias).map(|known| known.network.as_str());
        return named(home, members, only(own.chain(others))?, agent);
    }
    let meant =
        members.iter().map(|member| member::identity(home, member)).filter(|(_, agent)| *agent == name);
    only(meant).map(|(network, agent)| fqid::agent(network, agent))
}

fn named(home: &str, members: &[String], network: &str, agent: &str) -> Option<String> {
    let known = members.iter().any(|member| member::identity(home, member) == (network, agent));
    known.then(|| fqid::agent(network, agent))
}

/// The one thing that all items are.
fn only<T: PartialEq>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.all(|item| item == first).then_some(first)
}

/// The names after `@` in a text, one after the other.
struct Found<'a> {
    text: &'a str,
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')
}

impl<'a> Iterator for Found<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let at = self.text.find('@')?;
            let before = self.text.get(..at)?;
            let rest = self.text.get(at + 1..)?;
            if rest.starts_with("molt://") {
                let end = rest.find(|c: char| is_space(c) || c == '>').unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(end)?;
                self.text = after;
                // Without brackets around it a full name is text.
                if before.ends_with('<') && after.starts_with('>') && name.len() > "molt://".len() {
                    return Some(name);
                }
                if name.len() > "molt://".len() {
                    continue;
                }
                // Nothing stands after the slashes: the name is `molt`.
                return Some(rest.get(.."molt".len()).unwrap_or_default());
            }
            let first = rest.bytes().take_while(|b| is_name(*b)).count();
            let mut end = first;
            if first > 0 && rest.as_bytes().get(first) == Some(&b':') {
                let second = rest.bytes().skip(first + 1).take_while(|b| is_name(*b)).count();
                end = if second > 0 { first + 1 + second } else { first };
            }
            let (name, after) = rest.split_at_checked(end)?;
            self.text = after;
            if !name.is_empty() {
                return Some(name);
            }
        }
    }
}

/// White space as the original's pattern has it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{c}' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<&str> {
        Found { text }.collect()
    }

    #[test]
    fn names_are_found_as_the_original_finds_them() {
        assert_eq!(
            found("@alpha, @n:beta and <@molt://n/agents/c>!"),
            ["alpha", "n:beta", "molt://n/agents/c"]
        );
        assert_eq!(found("see @molt://n/agents/c there"), [""; 0]);
        assert_eq!(found("mail a@b.com @@x @ @:y"), ["b.com", "x"]);
        assert_eq!(found("@beta. @a-: @a:b:c"), ["beta.", "a-", "a:b"]);
        assert_eq!(found("<@molt://n/agents/c"), [""; 0]);
        assert_eq!(found("@molt:// @molt://>"), ["molt", "molt"]);
        assert_eq!(found("é@é@ñ@z"), ["z"]);
    }

    fn mentions(members: &[&str], text: &str, listed: &[&str]) -> Vec<String> {
        let members: Vec<String> = members.iter().map(ToString::to_string).collect();
        let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
        let parts = [Part { kind: "text".into(), text: text.into(), ..Part::default() }];
        let alias =
            |alias: &str, network: &str| NetworkAlias { alias: alias.into(), network: network.into() };
        let aliases = [
            alias("Home Net", "home"),
            alias("Home", "home"),
            alias("two", "a"),
            alias("two", "b"),
            alias("far", "n"),
        ];
        resolve("home", &aliases, &members, &candidates(&parts, &listed))
    }

    #[test]
    fn a_name_must_mean_exactly_one_member() {
        assert_eq!(
            mentions(&["alpha"], "hi @alpha @alpha @nobody", &["alpha"]),
            ["molt://home/agents/alpha"]
        );
        assert_eq!(mentions(&["n:alpha", "alpha"], "@alpha", &[]), [""; 0], "two agents of one name");
        assert_eq!(mentions(&["home:alpha", "alpha"], "@alpha", &[]), ["molt://home/agents/alpha"]);
        assert_eq!(mentions(&["n:alpha"], "@alpha", &[]), ["molt://n/agents/alpha"]);
        assert_eq!(
            mentions(&["n:b", "a"], "@far:b @Home:a @two:b @n:b", &["molt://n/agents/b"]),
            ["molt://n/agents/b", "molt://home/agents/a"]
        );
        assert_eq!(mentions(&["a"], "", &["molt://x/agents/a", "home:a"]), ["molt://home/agents/a"]);
    }

    #[test]
    fn a_full_stop_after_a_name_is_taken_off_where_it_must_be() {
        assert_eq!(mentions(&["beta"], "ask @beta. or @beta-", &[]), ["molt://home/agents/beta"]);
        assert_eq!(mentions(&["beta", "beta."], "@beta.", &[]), ["molt://home/agents/beta."]);
    }

    proptest! {
        #[test]
        fn finding_never_panics_and_always_ends(text in "[@<>:a-z./é \\n-]{0,60}|.*") {
            prop_assert!(found(&text).len() <= text.len());
        }
    }
}
