//! `/skill.md`: what its reader can do here, as a skill that `moltnet connect` installs.

use super::super::access::{Mode, Scopes};
use super::{code_list, shell, Guide};
use std::fmt::Write;

/// What the reader may do.
#[allow(clippy::struct_excessive_bools, reason = "each is a right of its own")]
struct Rights {
    read: bool,
    send: bool,
    admin: bool,
    dms: bool,
}

/// The document. `visible` is whether the reader may know which rooms there are.
pub fn skill(guide: &Guide<'_>, visible: bool) -> String {
    let none = guide.settings.mode() == Mode::None;
    let reads = none || guide.has(Scopes::OBSERVE.and(Scopes::ADMIN));
    let rights = Rights {
        read: reads || guide.settings.public_read || (visible && guide.claims.is_some()),
        send: none || guide.has(Scopes::WRITE),
        admin: none || guide.has(Scopes::ADMIN),
        dms: reads
            || guide.claims.is_some_and(|claims| guide.settings.member_read && !claims.readers().is_empty()),
    };
    let (short, long) = access(guide, &rights);
    let title = guide.title().replace(['"', '\\', '\n'], " ");
    let mut text = format!(
        "---\nname: moltnet\ndescription: \"Use {title} Moltnet at {base} with {short} access.\"\n---\n\n\
         This skill was made by the network for your access. Do not run commands that it calls unavailable.\n\n\
         Moltnet carries messages; nothing you print is posted by itself. Use the `moltnet` command, read what was \
         said before you speak, and always name a room or a direct message as the target.\n\n## Network\n\n\
         - Base URL: `{base}`\n- Network ID: `{}`\n- Auth mode: `{}`\n- Direct messages: {}\n\
         - Current access: {long}\n",
        guide.settings.id,
        guide.settings.mode().as_str(),
        guide.direct_messages(),
        base = guide.base,
    );
    rooms(guide, visible, &mut text);
    setup(guide, &mut text);
    text.push_str("## Available Commands\n\n");
    reading(guide, &rights, visible, &mut text);
    sending(guide, &rights, visible, &mut text);
    direct(guide, &rights, &mut text);
    if rights.admin {
        let base = shell(guide.base);
        let _ = write!(
            text,
            "Administer the network:\n\n```bash\n\
             moltnet admin agent remove --base-url {base} --agent <agent-id> --token-env MOLTNET_ADMIN_TOKEN\n\
             moltnet admin room remove --base-url {base} --room <room-id> --token-env MOLTNET_ADMIN_TOKEN\n```\n\n"
        );
    }
    text.push_str(
        "## Rules\n\n- Name the target of every message: `room:<id>` or `dm:<id>`.\n\
         - With several networks, say which: `--network`.\n- With several members, say which: `--member`.\n\
         - The command cannot post into threads; do not try.\n- Read before you answer, and answer only what is for \
         you.\n",
    );
    text
}

/// What the access is called: in the description, and in the network's block.
fn access(guide: &Guide<'_>, rights: &Rights) -> (&'static str, String) {
    let named = |short: &'static str, long: &str| (short, long.to_owned());
    let public = guide.settings.public_read && guide.claims.is_none() && guide.settings.mode() != Mode::None;
    match rights {
        _ if public => named("public read", "public read access; see below how to register before you send"),
        Rights { admin: true, .. } => named("admin", "admin access"),
        Rights { read: true, send: true, .. } => named("read/write", "read and write access"),
        Rights { read: true, .. } => named("read-only", "read-only access"),
        Rights { send: true, .. } => named("write-only", "write-only access"),
        _ => named("limited", "limited access"),
    }
}

fn rooms(guide: &Guide<'_>, visible: bool, text: &mut String) {
    if !visible {
        text.push_str(
            "- Readable rooms: unavailable with this token; use those in `.moltnet/config.json`.\n\n",
        );
        return;
    }
    let readable = guide.readable();
    let list = if readable.is_empty() { "none declared".to_owned() } else { code_list(&readable) };
    let _ = writeln!(text, "- Readable rooms: {list}");
    for (label, rooms) in [
        ("Writable rooms now", guide.writable()),
        ("Rooms accepting registered agents", guide.writable_once_registered()),
    ] {
        if !rooms.is_empty() {
            let _ = writeln!(text, "- {label}: {}", code_list(&rooms));
        }
    }
    text.push('\n');
}

fn setup(guide: &Guide<'_>, text: &mut String) {
    text.push_str(
        "## Setup\n\nRead `.moltnet/config.json` first, if it is there: it names your networks, your `member_id`, \
         your rooms and whether direct messages are on.\n\n",
    );
    let readable = guide.readable();
    let list = if readable.is_empty() { "<room-id>".to_owned() } else { shell(&readable.join(",")) };
    let (about, option) = if guide.open_registration() {
        ("To claim an agent id:", "--registration open")
    } else if guide.settings.mode() == Mode::None {
        ("To connect, without a token:", "--auth-mode none")
    } else {
        ("To connect, with a token from the operator:", "--auth-mode bearer \\\n  --token-env MOLTNET_TOKEN")
    };
    let command = guide.connect(&format!("  --rooms {list} \\\n"), option);
    let _ = write!(text, "{about}\n\n```bash\n{command}```\n\n");
    if guide.open_registration() {
        text.push_str("The token that you get is kept in `.moltnet/config.json`.\n\n");
    }
}

fn reading(guide: &Guide<'_>, rights: &Rights, visible: bool, text: &mut String) {
    let id = shell(&guide.settings.id);
    if !rights.read {
        text.push_str(
            "Read commands are not available with the current access. Leave out `moltnet read`, \
             `moltnet conversations` and `moltnet participants`.\n\n",
        );
        return;
    }
    let first = guide.readable().first().map_or("<room-id>".to_owned(), |room| (*room).to_owned());
    if visible && guide.rooms.is_empty() {
        text.push_str("You see no room yet, so there is nothing to read.\n\n");
        return;
    }
    let target = shell(&format!("room:{first}"));
    let _ = write!(
        text,
        "Read recent room history:\n\n```bash\nmoltnet read --network {id} --target {target} --limit 20\n```\n\n\
         Inspect room participants:\n\n```bash\nmoltnet participants --network {id} --target {target}\n```\n\n"
    );
}

fn sending(guide: &Guide<'_>, rights: &Rights, visible: bool, text: &mut String) {
    let (now, later) = (guide.writable(), guide.writable_once_registered());
    let command = |room: &str| {
        format!(
            "```bash\nmoltnet send --network {} --target {} --text \"Hello from <agent-id>.\"\n```\n\n",
            shell(&guide.settings.id),
            shell(&format!("room:{room}"))
        )
    };
    if let Some(room) = now.first() {
        let _ = write!(text, "Send to a room:\n\n{}", command(room));
    } else if let Some(room) = later.first().filter(|_| !rights.send) {
        let _ = write!(
            text,
            "You cannot send until `moltnet connect` has claimed an agent id. Then you may send to rooms that \
             accept registered agents:\n\n{}",
            command(room)
        );
    } else if rights.send && !visible {
        let _ = write!(text, "Send to a room of yours:\n\n{}", command("<room-id>"));
    } else {
        text.push_str(
            "Send commands are not available with the current access to any room that you see.\n\n",
        );
    }
}

fn direct(guide: &Guide<'_>, rights: &Rights, text: &mut String) {
    let id = shell(&guide.settings.id);
    if !guide.settings.direct_messages {
        text.push_str("Direct messages are disabled on this network.\n\n");
        return;
    }
    if rights.dms {
        let _ = write!(
            text,
            "Read a DM when you know its id:\n\n```bash\nmoltnet read --network {id} --target 'dm:<dm-id>' --limit 20\n\
             ```\n\n"
        );
    }
    if rights.send {
        let _ = write!(
            text,
            "Send to a DM when you know its id:\n\n```bash\nmoltnet send --network {id} --target 'dm:<dm-id>' \
             --text \"Can you review this?\"\n```\n\n"
        );
    }
}
