//! Other networks that this one is paired with. So far they are listed only.

use super::error::{MoltnetError, Outcome};
use super::room::check_name;
use super::{id, nullable};
use serde::{Deserialize, Serialize};

/// Most pairings of a network.
pub const MAX_PAIRINGS: i64 = 100;

/// `POST /api/v1/network/pairings`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewPairing {
    /// Its id; one that is there is replaced.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// The other network.
    #[serde(deserialize_with = "nullable")]
    pub remote_network_id: String,
    /// Its name.
    #[serde(deserialize_with = "nullable")]
    pub remote_network_name: String,
    /// Where it is served.
    #[serde(deserialize_with = "nullable")]
    pub remote_base_url: String,
    /// The token that it gave us; kept sealed and shown by no route.
    #[serde(deserialize_with = "nullable")]
    pub token: String,
    /// `paused` switches it off; blank: on.
    #[serde(deserialize_with = "nullable")]
    pub status: String,
}

impl NewPairing {
    /// Checks what is asked for; `home` is this network.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn check(&self, home: &str) -> Outcome<()> {
        let invalid = |fault: String| Err(MoltnetError::invalid(fault));
        if let Err(fault) = id::check(self.id.trim()) {
            return invalid(format!("pairing {fault}"));
        }
        let remote = self.remote_network_id.trim();
        if let Err(fault) = id::check(remote) {
            return invalid(format!("remote_network_id {fault}"));
        }
        if remote == home {
            return invalid("remote_network_id is this network's own id".to_owned());
        }
        check_name(&self.remote_network_name).map_err(MoltnetError::invalid)?;
        let url = self.remote_base_url.trim();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        if url.len() > 2_048 || host.is_empty() || rest.contains(['@', '?', '#', ' ']) {
            return invalid(
                "remote_base_url must be http:// or https:// with a host, without user, query or fragment"
                    .to_owned(),
            );
        }
        if self.token.len() > 1_024 {
            return invalid("token must have 1024 characters or fewer".to_owned());
        }
        if !matches!(self.status.trim(), "" | "paused") {
            return invalid("status must be paused, or not be given".to_owned());
        }
        Ok(())
    }
}

/// A pairing as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// Its id.
    pub id: String,
    /// The other network.
    pub remote_network_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote_network_name: String,
    /// Where it is served.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remote_base_url: String,
    /// `paused`, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_checked() {
        let good = || NewPairing {
            id: "p".into(),
            remote_network_id: "far".into(),
            remote_base_url: "https://far.example/base".into(),
            ..NewPairing::default()
        };
        assert_eq!(good().check("local"), Ok(()));
        for (bad, field) in [
            (NewPairing { id: String::new(), ..good() }, "pairing id"),
            (NewPairing { remote_network_id: "local".into(), ..good() }, "remote_network_id is this"),
            (NewPairing { remote_network_id: "!".into(), ..good() }, "remote_network_id id"),
            (NewPairing { remote_base_url: "ftp://far".into(), ..good() }, "remote_base_url"),
            (NewPairing { remote_base_url: "https://u@far".into(), ..good() }, "remote_base_url"),
            (NewPairing { status: "on".into(), ..good() }, "status"),
            (NewPairing { token: "x".repeat(1_025), ..good() }, "token"),
        ] {
            let fault = bad.check("local").unwrap_err();
            assert!(fault.status == 422 && fault.message.starts_with(field), "{fault}");
        }
    }
}
