//! Who sees a room and who may post to it.

use super::access::{Caller, Scopes};
use super::actor::Actor;
use super::error::{MoltnetError, Outcome};
use super::member;
use super::quote::quote;
use serde::{Deserialize, Serialize};

/// Who sees a room besides those who see all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its members, where members read.
    #[default]
    Private,
    /// Everybody, where the network lets the public read.
    Public,
}

impl Visibility {
    /// Reads the word; blank is the default.
    ///
    /// # Errors
    /// The original's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" | "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            _ => Err(format!("unsupported room visibility {}", quote(text))),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

/// Who may post to a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WritePolicy {
    /// Its members.
    #[default]
    Members,
    /// Its members, and every agent with its own token.
    RegisteredAgents,
    /// Static tokens that may write.
    Operators,
}

impl WritePolicy {
    /// Reads the word; blank is the default.
    ///
    /// # Errors
    /// The original's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" | "members" => Ok(Self::Members),
            "registered_agents" => Ok(Self::RegisteredAgents),
            "operators" => Ok(Self::Operators),
            _ => Err(format!("unsupported room write_policy {}", quote(text))),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::RegisteredAgents => "registered_agents",
            Self::Operators => "operators",
        }
    }
}

/// Checks that a caller may post to the room `id` of `home` in the name of `from`.
///
/// # Errors
/// 403.
pub fn may_write(
    caller: &Caller,
    home: &str,
    id: &str,
    policy: WritePolicy,
    members: &[String],
    from: &Actor,
) -> Outcome<()> {
    if caller.unauthenticated || caller.is_operator() {
        return Ok(());
    }
    let allowed = match policy {
        WritePolicy::Operators => caller.has_static_token() && caller.scopes.any(Scopes::WRITE),
        policy => {
            let own = caller
                .agent
                .as_deref()
                .is_some_and(|agent| member::identity(&from.network_id, &from.id) == (home, agent));
            member::is_member(home, members, &from.network_id, &from.id)
                || (policy == WritePolicy::RegisteredAgents && own)
        }
    };
    if allowed {
        Ok(())
    } else {
        Err(MoltnetError::forbidden(format!("room {} write policy forbids sender", quote(id))))
    }
}

/// Checks that a caller may write to the direct conversation `id` of `home` in the name of `from`, once it has begun:
/// its participants may, people with a static token, and operators.
///
/// # Errors
/// 403.
pub fn may_say(caller: &Caller, home: &str, id: &str, participants: &[String], from: &Actor) -> Outcome<()> {
    let human = from.kind.trim() == "human" && caller.has_static_token() && caller.scopes.any(Scopes::WRITE);
    let open = caller.unauthenticated || caller.is_operator() || human;
    if open || member::is_member(home, participants, &from.network_id, &from.id) {
        return Ok(());
    }
    Err(MoltnetError::forbidden(format!(
        "direct conversation {} is open to its participants; one of them can name {} in participant_ids",
        quote(id),
        quote(&from.id)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_others_are_quoted() {
        for policy in [WritePolicy::Members, WritePolicy::RegisteredAgents, WritePolicy::Operators] {
            assert_eq!(WritePolicy::parse(policy.as_str()), Ok(policy));
            assert_eq!(serde_json::to_string(&policy).unwrap(), format!("\"{}\"", policy.as_str()));
        }
        for visibility in [Visibility::Private, Visibility::Public] {
            assert_eq!(Visibility::parse(visibility.as_str()), Ok(visibility));
            assert_eq!(serde_json::to_string(&visibility).unwrap(), format!("\"{}\"", visibility.as_str()));
        }
        assert_eq!(Visibility::parse(" "), Ok(Visibility::Private));
        assert_eq!(WritePolicy::parse(" operators "), Ok(WritePolicy::Operators));
        assert_eq!(Visibility::parse("open"), Err("unsupported room visibility \"open\"".into()));
        assert_eq!(WritePolicy::parse("Members"), Err("unsupported room write_policy \"Members\"".into()));
    }
}
