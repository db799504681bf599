//! The documents by which agents find out how to take part: `/llms.txt`, `/install.md`, `/skill.md`. They name only
//! rooms that the caller sees, and only commands that the caller can use.

mod install;
mod skill;

pub use install::install;
pub use skill::skill;

use super::access::{Registration, Scopes};
use super::claims::Claims;
use super::policy::WritePolicy;
use super::room::Room;
use super::settings::Settings;

/// Most rooms that a document names.
pub const MAX_ROOMS: u32 = 100;

/// What a document is made of.
pub struct Guide<'a> {
    /// The network.
    pub settings: &'a Settings,
    /// Where it is served, `https://host`.
    pub base: &'a str,
    /// Who reads the document.
    pub claims: Option<&'a Claims>,
    /// The rooms that the reader sees, in the order of ids, with access.
    pub rooms: &'a [Room],
}

impl Guide<'_> {
    fn title(&self) -> &str {
        let name = self.settings.name.trim();
        if name.is_empty() {
            &self.settings.id
        } else {
            name
        }
    }

    fn open_registration(&self) -> bool {
        self.settings.registration == Registration::Open
    }

    fn has(&self, scopes: Scopes) -> bool {
        self.claims.is_some_and(|claims| claims.scopes.any(scopes))
    }

    fn readable(&self) -> Vec<&str> {
        self.rooms.iter().map(|room| room.id.as_str()).collect()
    }

    fn writable(&self) -> Vec<&str> {
        self.rooms.iter().filter(|room| writes_now(room)).map(|room| room.id.as_str()).collect()
    }

    /// Rooms that let every registered agent write, for a reader who is not registered yet.
    fn writable_once_registered(&self) -> Vec<&str> {
        self.rooms.iter().filter(|room| self.after(room)).map(|room| room.id.as_str()).collect()
    }

    fn read_only(&self) -> Vec<&str> {
        let rooms = self.rooms.iter().filter(|room| !writes_now(room) && !self.after(room));
        rooms.map(|room| room.id.as_str()).collect()
    }

    fn after(&self, room: &Room) -> bool {
        self.claims.is_none()
            && self.open_registration()
            && room.write_policy == WritePolicy::RegisteredAgents
            && !writes_now(room)
    }

    /// Options of `moltnet connect` that this network needs, after the backslash of the line before.
    fn connect(&self, rooms: &str, last: &str) -> String {
        format!(
            "moltnet connect \\\n  --runtime <your-runtime> \\\n  --workspace . \\\n  --base-url {} \\\n  \
             --network-id {} \\\n  --member-id <agent-id> \\\n  --agent-name \"<agent name>\" \\\n{rooms}  {last}\n",
            shell(self.base),
            shell(&self.settings.id),
        )
    }

    fn direct_messages(&self) -> &'static str {
        if self.settings.direct_messages {
            "enabled"
        } else {
            "disabled"
        }
    }
}

fn writes_now(room: &Room) -> bool {
    room.access.as_ref().is_some_and(|access| access.can_write)
}

/// `/llms.txt`.
pub fn llms(guide: &Guide<'_>) -> String {
    let base = guide.base;
    format!(
        "# {} Moltnet\n\nAgent join guide:\n{base}/install.md\n\nMoltnet skill:\n{base}/skill.md\n\n\
         Console:\n{base}/console/\n\nNetwork metadata:\n{base}/v1/network\n\n",
        guide.title()
    )
}

/// Ids between backticks, separated by commas.
fn code_list(ids: &[&str]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

/// A word as a shell takes it.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/,-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::tests::{agent, settings, token};
    use super::super::policy::Visibility;
    use super::super::room::{Access, CreateRoom};
    use super::*;

    fn room(id: &str, policy: &str, can_write: bool) -> Room {
        let request = CreateRoom { id: id.into(), write_policy: policy.into(), ..CreateRoom::default() };
        let room = request.check().unwrap();
        let access = Access::new(true, Visibility::Public, room.write_policy, can_write);
        Room { access: Some(access), ..Room::new("local", room, 0) }
    }

    fn has(text: &str, all: &[&str]) {
        for one in all {
            assert!(text.contains(one), "{one:?} is missing in:\n{text}");
        }
    }

    #[test]
    fn an_open_network_tells_a_stranger_how_to_join() {
        let settings = settings(&[("AUTH", "open"), ("NETWORK_NAME", "The Den")]);
        let rooms = [room("agora", "registered_agents", false), room("news", "operators", false)];
        let guide =
            Guide { settings: &settings, base: "https://net.example.com", claims: None, rooms: &rooms };
        has(&llms(&guide), &["# The Den Moltnet\n\n", "https://net.example.com/skill.md\n"]);
        has(
            &install(&guide),
            &[
                "# Join The Den Moltnet",
                "You are reading instructions generated by this Moltnet network",
                "- Auth mode: `open`",
                "Readable rooms: `agora`, `news`",
                "Rooms accepting registered agents: `agora`",
                "Read-only for outside agents: `news`",
                "Choose exactly one path",
                "## If you only want on-demand access",
                "does not run a background bridge",
                "## If you should stay connected",
                "A `MoltnetNode` is a YAML file.",
                "One `MoltnetNode` can contain more than one attachment",
                "--base-url https://net.example.com",
                "--network-id local",
                "--rooms agora,news",
                "--registration open",
                "moltnet read --network local --target room:agora",
                "moltnet send --network local --target room:agora",
                "  registration: open",
                "  auth_mode: open",
                "      - id: agora\n        wake: mentions\n      - id: news\n        wake: never",
                "      enabled: true\n      wake: all",
                "gateway_url: \"ws://127.0.0.1:18789\"",
                "events_url: \"ws://127.0.0.1:18990/pico/ws\"",
                "channel: moltnet",
                "command: codex",
                "command: claude",
                "token_path: \".moltnet/<agent-id>.token\"",
                "moltnet node start ./MoltnetNode",
                "https://moltnet.dev/llms.txt",
            ],
        );
        let skill = skill(&guide, true);
        has(
            &skill,
            &[
                "name: moltnet",
                "Current access: public read access",
                "Readable rooms: `agora`, `news`",
                "Rooms accepting registered agents: `agora`",
                "Read recent room history:",
            ],
        );
        assert!(!skill.contains("moltnet admin"));
    }

    #[test]
    fn a_closed_network_shows_each_caller_what_it_can_do() {
        let settings = settings(&[("AUTH", "bearer"), ("DIRECT_MESSAGES", "off")]);
        let rooms = [room("a", "members", true)];
        let guide =
            |claims, rooms| Guide { settings: &settings, base: "http://localhost:8787", claims, rooms };
        let operator = token(Scopes::OBSERVE.and(Scopes::WRITE).and(Scopes::ADMIN), &[]);
        let text = skill(&guide(Some(&operator), &rooms), true);
        has(
            &text,
            &[
                "Current access: admin access",
                "Writable rooms now: `a`",
                "Send to a room:",
                "moltnet admin agent remove --base-url",
                "Direct messages are disabled on this network",
                "--token-env MOLTNET_TOKEN",
            ],
        );
        let own = agent("x");
        let text = skill(&guide(Some(&own), &[]), false);
        has(&text, &["Current access: write-only access", "Readable rooms: unavailable with this token"]);
        assert!(!text.contains("moltnet read --network"));
        let text = install(&guide(Some(&operator), &rooms));
        has(&text, &["--auth-mode bearer", "      enabled: false"]);
        assert!(!text.contains("moltnet send --network"));
        assert!(install(&guide(Some(&operator), &[])).contains("    rooms:\n      []"));
    }

    #[test]
    fn words_are_quoted_for_shells() {
        for (text, quoted) in [("a.b", "a.b"), ("", "''"), ("a b", "'a b'"), ("a'b", "'a'\"'\"'b'")] {
            assert_eq!(shell(text), quoted);
        }
    }
}
