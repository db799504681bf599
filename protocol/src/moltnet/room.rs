//! Rooms as they are asked for and shown.

use super::policy::{Visibility, WritePolicy};
use super::{fqid, id, member, nullable, nullable_list};
use crate::time::{rfc3339, Millis};
use serde::{Deserialize, Serialize};

/// Longest name of a room, an agent or a network, in bytes.
pub const MAX_NAME: usize = 256;

/// `POST /v1/rooms`, and a room of `POST /v1/apply`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateRoom {
    /// Its id.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// The name to show; blank: the id.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// Who is in it.
    #[serde(deserialize_with = "nullable_list")]
    pub members: Vec<String>,
    /// `private` or `public`; blank: private.
    #[serde(deserialize_with = "nullable")]
    pub visibility: String,
    /// `members`, `registered_agents` or `operators`; blank: members.
    #[serde(deserialize_with = "nullable")]
    pub write_policy: String,
}

/// A room that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoom {
    /// Its id.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// Who is in it: sorted, each once.
    pub members: Vec<String>,
    /// Who sees it.
    pub visibility: Visibility,
    /// Who may post.
    pub write_policy: WritePolicy,
}

impl CreateRoom {
    /// Checks what is asked for.
    ///
    /// # Errors
    /// The original's words, the first fault first.
    pub fn check(&self) -> Result<NewRoom, String> {
        let id = self.id.trim();
        if id.is_empty() {
            return Err("room id is required".to_owned());
        }
        id::check(id).map_err(|fault| format!("room id {fault}"))?;
        member::check_list("members", &self.members)?;
        let visibility = Visibility::parse(&self.visibility)?;
        let write_policy = WritePolicy::parse(&self.write_policy)?;
        let name = check_name(&self.name)?;
        let name = if name.is_empty() { id } else { name };
        Ok(NewRoom {
            id: id.to_owned(),
            name: name.to_owned(),
            members: sorted(&self.members),
            visibility,
            write_policy,
        })
    }
}

/// A name without the white space around it.
///
/// # Errors
/// Where it is too long.
pub fn check_name(name: &str) -> Result<&str, String> {
    let name = name.trim();
    if name.len() > MAX_NAME {
        return Err(format!("name must be {MAX_NAME} bytes or fewer"));
    }
    Ok(name)
}

/// Members sorted bytewise, each once, without white space around them.
pub fn sorted(members: &[String]) -> Vec<String> {
    let mut members = member::unique(members);
    members.sort_unstable();
    members
}

/// `PATCH /v1/rooms/{id}/members`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateMembers {
    /// Who is to be in.
    #[serde(deserialize_with = "nullable_list")]
    pub add: Vec<String>,
    /// Who is to be out, also of those just added.
    #[serde(deserialize_with = "nullable_list")]
    pub remove: Vec<String>,
}

impl UpdateMembers {
    /// Checks what is asked for.
    ///
    /// # Errors
    /// The original's words, the first fault first.
    pub fn check(&self) -> Result<(), String> {
        member::check_list("add", &self.add)?;
        member::check_list("remove", &self.remove)
    }

    /// The members after the change.
    pub fn applied(&self, members: &[String]) -> Vec<String> {
        let removed = member::unique(&self.remove);
        let all: Vec<String> = members.iter().chain(&self.add).cloned().collect();
        let mut after = sorted(&all);
        after.retain(|member| !removed.contains(member));
        after
    }
}

/// What a caller may do in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Whether the caller sees it; a room that is shown is seen.
    pub can_read: bool,
    /// Whether the caller could post to it.
    pub can_write: bool,
    /// `<public-read or private>/<write policy>-write`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Access {
    /// Access to a room that is seen; `public_read` is whether anybody reads public rooms.
    pub fn new(public_read: bool, visibility: Visibility, policy: WritePolicy, can_write: bool) -> Self {
        let open = public_read && visibility == Visibility::Public;
        let prefix = if open { "public-read" } else { "private" };
        Self { can_read: true, can_write, reason: format!("{prefix}/{}-write", policy.as_str()) }
    }
}

/// A room as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// The network.
    pub network_id: String,
    /// Its full name.
    pub fqid: String,
    /// The name to show.
    pub name: String,
    /// Who is in it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Who sees it.
    pub visibility: Visibility,
    /// Who may post.
    pub write_policy: WritePolicy,
    /// What the caller may do; only where rooms are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// When it was created, RFC 3339 in UTC.
    pub created_at: String,
}

impl Room {
    /// A room of `network` as it stands.
    pub fn new(network: &str, room: NewRoom, created: Millis) -> Self {
        Self {
            network_id: network.to_owned(),
            fqid: fqid::fqid(network, fqid::Collection::Rooms, &room.id),
            id: room.id,
            name: room.name,
            members: room.members,
            visibility: room.visibility,
            write_policy: room.write_policy,
            access: None,
            created_at: rfc3339(created),
        }
    }
}

/// What is answered where a room or an agent was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Always true.
    pub removed: bool,
    /// `room` or `agent`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Always `soft`: what was said stays.
    pub mode: String,
}

impl Removed {
    /// A room or an agent was removed.
    pub fn new(kind: &str, id: &str) -> Self {
        Self { removed: true, kind: kind.to_owned(), id: id.to_owned(), mode: "soft".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn each_row_of_the_matrix_for_rooms() {
        let room = |id: &str| CreateRoom { id: id.into(), ..CreateRoom::default() };
        let many: Vec<String> = (0..257).map(|n| format!("m{n}")).collect();
        for (request, fault) in [
            (room(" "), "room id is required"),
            (room("a b"), "room id id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}"),
            (room(&"a".repeat(129)), "room id id must be 128 characters or fewer"),
            (
                CreateRoom { members: texts(&["a", "!"]), ..room("r") },
                "members[1] id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}",
            ),
            (CreateRoom { members: many.clone(), ..room("r") }, "members must contain 256 IDs or fewer"),
            (CreateRoom { visibility: "x".into(), ..room("r") }, "unsupported room visibility \"x\""),
            (CreateRoom { write_policy: "x".into(), ..room("r") }, "unsupported room write_policy \"x\""),
            (CreateRoom { name: "x".repeat(257), ..room("r") }, "name must be 256 bytes or fewer"),
        ] {
            assert_eq!(request.check().unwrap_err(), fault);
        }
        let twice: Vec<String> = many.iter().take(256).chain(many.iter().take(3)).cloned().collect();
        assert!(CreateRoom { members: twice, ..room("r") }.check().is_ok());
        let checked = CreateRoom { members: texts(&["b", " a ", "b", ""]), ..room(" r ") }.check().unwrap();
        assert_eq!((checked.id.as_str(), checked.name.as_str()), ("r", "r"));
        assert_eq!(checked.members, ["a", "b"]);
    }

    #[test]
    fn who_is_added_and_removed_at_once_is_out() {
        let change = UpdateMembers { add: texts(&["c", "b"]), remove: texts(&["c", "a"]) };
        assert_eq!(change.applied(&texts(&["a", "d"])), ["b", "d"]);
        let bad = UpdateMembers { remove: texts(&["!"]), ..UpdateMembers::default() };
        assert!(bad.check().unwrap_err().starts_with("remove[0] "));
    }

    #[test]
    fn documents_keep_their_form() {
        let room = CreateRoom { id: "r".into(), ..CreateRoom::default() }.check().unwrap();
        let mut document = Room::new("local", room, 0);
        let text = r#"{"id":"r","network_id":"local","fqid":"molt://local/rooms/r","name":"r","visibility":"private","write_policy":"members","created_at":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(serde_json::to_string(&document).unwrap(), text);
        let access = Access::new(true, Visibility::Public, WritePolicy::RegisteredAgents, false);
        assert_eq!(access.reason, "public-read/registered_agents-write");
        document.access = Some(Access::new(false, Visibility::Public, WritePolicy::Members, true));
        assert!(serde_json::to_string(&document).unwrap().contains("private/members-write"));
    }
}
