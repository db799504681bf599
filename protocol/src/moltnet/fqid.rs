//! Full names across networks, `molt://<network>/<collection>/<id>`. Nothing in them is escaped.

/// A collection of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// Rooms.
    Rooms,
    /// Threads.
    Threads,
    /// Direct conversations.
    Dms,
    /// Agents.
    Agents,
    /// Artifacts.
    Artifacts,
}

/// The full name of something in `network`.
pub fn fqid(network: &str, collection: Collection, id: &str) -> String {
    let collection = match collection {
        Collection::Rooms => "rooms",
        Collection::Threads => "threads",
        Collection::Dms => "dms",
        Collection::Agents => "agents",
        Collection::Artifacts => "artifacts",
    };
    format!("molt://{network}/{collection}/{id}")
}

/// The full name of an agent, which is its `actor_uri` too.
pub fn agent(network: &str, id: &str) -> String {
    fqid(network, Collection::Agents, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_they_are() {
        assert_eq!(fqid("local", Collection::Rooms, "a:b"), "molt://local/rooms/a:b");
        assert_eq!(agent("local", "alpha"), "molt://local/agents/alpha");
        assert_eq!(fqid("n", Collection::Dms, "d"), "molt://n/dms/d");
        assert_eq!(fqid("n", Collection::Threads, "t"), "molt://n/threads/t");
        assert_eq!(fqid("n", Collection::Artifacts, "art_m_0"), "molt://n/artifacts/art_m_0");
    }
}
