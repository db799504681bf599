//! Members: who is in a room or takes part in a direct conversation, written `agent`, `network:agent` or
//! `molt://network/agents/agent`. Since `:` is legal in a plain id, whatever holds one counts as scoped.

use super::{fqid, id};

/// Network and agent of `network:agent`, cut at the first colon.
pub fn parse_scoped(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    if text.starts_with("molt://") {
        return None;
    }
    text.split_once(':').filter(|(network, agent)| !network.trim().is_empty() && !agent.trim().is_empty())
}

/// Network and agent of `molt://network/agents/agent`.
pub fn parse_fqid(text: &str) -> Option<(&str, &str)> {
    let rest = text.trim().strip_prefix("molt://")?;
    rest.split_once("/agents/")
        .filter(|(network, agent)| !network.trim().is_empty() && !agent.trim().is_empty())
}

/// Network and agent of a member that is not plain.
pub fn parse_foreign(text: &str) -> Option<(&str, &str)> {
    parse_fqid(text).or_else(|| parse_scoped(text))
}

/// Network and agent of a member; a plain one belongs to `home`.
pub fn identity<'a>(home: &'a str, member: &'a str) -> (&'a str, &'a str) {
    parse_foreign(member).unwrap_or((home, member.trim()))
}

/// `network:agent`, or the agent alone where the network is not known.
pub fn scoped(network: &str, agent: &str) -> String {
    let (network, agent) = (network.trim(), agent.trim());
    if network.is_empty() || agent.is_empty() {
        agent.to_owned()
    } else {
        format!("{network}:{agent}")
    }
}

/// Whether `text` can be a member.
///
/// # Errors
/// The original's words; callers put the name of the field before them.
pub fn check(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is required".to_owned());
    }
    if let Some((network, agent)) = parse_scoped(text).or_else(|| parse_fqid(text)) {
        id::check(network).map_err(|fault| format!("network id {fault}"))?;
        id::check(agent).map_err(|fault| format!("agent id {fault}"))
    } else {
        id::check(text).map_err(str::to_owned)
    }
}

/// The values without white space around them, blank ones and repeats; order kept.
pub fn unique(values: &[String]) -> Vec<String> {
    let mut unique: Vec<String> = Vec::with_capacity(values.len());
    let mut seen = std::collections::HashSet::with_capacity(values.len());
    for value in values.iter().map(|value| value.trim()).filter(|value| !value.is_empty()) {
        if seen.insert(value) {
            unique.push(value.to_owned());
        }
    }
    unique
}

/// Checks a list of members, called `name` in refusals.
///
/// # Errors
/// The original's words: too many, or the first that is none.
pub fn check_list(name: &str, values: &[String]) -> Result<(), String> {
    let members = unique(values);
    if members.len() > id::MAX_MEMBERS {
        return Err(format!("{name} must contain {} IDs or fewer", id::MAX_MEMBERS));
    }
    for (index, member) in members.iter().enumerate() {
        check(member).map_err(|fault| format!("{name}[{index}] {fault}"))?;
    }
    Ok(())
}

/// Whether `candidate` writes out the agent `id` of `network`. The bare id matches in every network, as in the
/// original; see [`is_member`] for the rule that does not.
pub fn matches(network: &str, id: &str, candidate: &str) -> bool {
    let (id, candidate) = (id.trim(), candidate.trim());
    !id.is_empty()
        && !candidate.is_empty()
        && (candidate == id || candidate == scoped(network, id) || candidate == fqid::agent(network, id))
}

/// Whether the agent `id` of `network` is among `members` of a room of `home`: the same agent of the same network,
/// so that a stranger of the same name is not let in.
pub fn is_member(home: &str, members: &[String], network: &str, id: &str) -> bool {
    // An id that is scoped itself says its own network.
    let (network, id) = identity(network.trim(), id);
    !id.is_empty() && members.iter().any(|member| identity(home, member) == (network, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_three_forms() {
        assert_eq!(parse_scoped("remote:a:b"), Some(("remote", "a:b")));
        assert_eq!(parse_scoped("molt://n/agents/a"), None);
        assert_eq!(parse_scoped(":a"), None);
        assert_eq!(parse_fqid(" molt://n/agents/a "), Some(("n", "a")));
        assert_eq!(parse_fqid("molt://n/rooms/a"), None);
        assert_eq!(identity("home", "alpha"), ("home", "alpha"));
        assert_eq!(identity("home", "molt://n/agents/a"), ("n", "a"));
        assert_eq!(scoped("", "a"), "a");
        assert_eq!(scoped("n", "a"), "n:a");
    }

    #[test]
    fn refusals_name_the_part_at_fault() {
        let pattern = "id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
        assert_eq!(check("alpha"), Ok(()));
        assert_eq!(check("n:a:b"), Ok(()));
        assert_eq!(check("molt://n/agents/a"), Ok(()));
        assert_eq!(check("  "), Err("is required".to_owned()));
        assert_eq!(check("-a"), Err(pattern.to_owned()));
        assert_eq!(check("-n:a"), Err(format!("network id {pattern}")));
        assert_eq!(check("n:-a"), Err(format!("agent id {pattern}")));
        assert_eq!(check("molt://n/agents/é"), Err(format!("agent id {pattern}")));
        assert_eq!(check("a:"), Ok(()), "a colon at the end belongs to a plain id");
        assert_eq!(check("molt://n"), Err(pattern.to_owned()));
        assert_eq!(check(&"a".repeat(129)), Err("id must be 128 characters or fewer".to_owned()));
    }

    #[test]
    fn lists_are_counted_without_repeats() {
        let names = |n: usize| (0..n).map(|i| format!("a{i}")).collect::<Vec<_>>();
        assert_eq!(check_list("members", &names(256)), Ok(()));
        assert_eq!(check_list("add", &names(257)), Err("add must contain 256 IDs or fewer".to_owned()));
        let mut repeated = names(256);
        repeated.extend(names(256));
        assert_eq!(check_list("members", &repeated), Ok(()));
        let odd = ["a".to_owned(), " a ".to_owned(), String::new(), "é".to_owned()];
        assert_eq!(
            check_list("members", &odd),
            Err("members[1] id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}".to_owned())
        );
    }

    #[test]
    fn a_stranger_of_the_same_name_is_no_member() {
        let members = ["alpha".to_owned(), "remote:beta".to_owned(), "molt://n/agents/c".to_owned()];
        assert!(is_member("home", &members, "home", "alpha"));
        assert!(is_member("home", &members, "home", "molt://home/agents/alpha"));
        assert!(!is_member("home", &members, "remote", "alpha"));
        assert!(is_member("home", &members, "remote", "beta"));
        assert!(is_member("home", &members, "n", "c"));
        assert!(!is_member("home", &members, "home", "beta"));
        assert!(!is_member("home", &members, "home", ""));
        assert!(matches("remote", "alpha", "alpha"), "the original's rule, kept for mentions and wakes");
        assert!(matches("n", "a", "n:a") && matches("n", "a", "molt://n/agents/a"));
        assert!(!matches("n", "a", "m:a"));
    }
}
