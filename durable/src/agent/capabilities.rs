//! What the pod serves, as the last probe of the Worker found it. It is shown, and it decides which routes are
//! offered; where it is not known a call is passed on and the pod's answer decides.

use super::endpoint::{Answer, Endpoint, Loaded};
use crate::sql::Sql;
use moltghost_protocol::control::agent::{Origin, State};
use moltghost_protocol::endpoint::capability::Capabilities;
use moltghost_protocol::object::agent::{Capable, ProbeReport};
use moltghost_protocol::object::tunnel::read_address;
use moltghost_protocol::time::Millis;
use serde::{Deserialize, Serialize};

/// Least time between two probes that calls bring about while the agent starts.
const STARTING_EVERY: Millis = 2_000;

/// The same while it runs: a pod that cannot be asked is not asked at every call.
const RUNNING_EVERY: Millis = 30_000;

/// How long what was found out counts as known. A pod may be replaced by another behind the same address.
const FRESH_FOR: Millis = 600_000;

/// What a probe found, and when.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Found {
    /// When.
    pub at: Millis,
    /// What the pod serves.
    pub capabilities: Capabilities,
}

impl<S: Sql> Endpoint<S> {
    /// Takes what a probe found. It counts only for the origin that is set now.
    pub(super) fn capable(&mut self, told: &Capable, now: Millis) -> Answer<()> {
        let report = ProbeReport { url: told.url.clone(), error: None, capabilities: told.capabilities };
        if self.existing()?.learn(&report, now) {
            self.store(None)
        } else {
            Ok(())
        }
    }
}

impl Loaded {
    /// Takes what a probe found. Answers whether it was one of the pod that calls go to: another address may have been
    /// set since it was asked, or its link may be gone.
    pub(super) fn learn(&mut self, report: &ProbeReport, now: Millis) -> bool {
        match &self.settings.origin {
            Origin::Tunnel => match read_address(&report.url) {
                Some((agent, link)) if agent == self.id => self.links.report(link, report, now),
                _ => false,
            },
            Origin::Http { url, .. } if *url == report.url => {
                if report.error.is_none() {
                    self.found = Some(Found { at: now, capabilities: report.capabilities });
                }
                true
            }
            Origin::Http { .. } => false,
        }
    }

    /// Whether the call at hand should bring a probe about; then none is due for a while.
    pub(super) fn wants_probe(&mut self, now: Millis) -> bool {
        let due = match self.state {
            State::Initializing => now - self.probed >= STARTING_EVERY,
            State::Running => {
                let since = now - FRESH_FOR;
                let known = match self.settings.origin {
                    Origin::Tunnel => self.links.known_since(since),
                    Origin::Http { .. } => self.found.is_some_and(|found| found.at > since),
                };
                !known && now - self.probed >= RUNNING_EVERY
            }
            _ => false,
        };
        if due {
            self.probed = now;
        }
        due
    }

    /// What the pod serves, as far as it is known.
    pub(super) fn capabilities(&self) -> Option<Capabilities> {
        match self.settings.origin {
            Origin::Tunnel => self.links.capabilities(),
            Origin::Http { .. } => self.found.map(|found| found.capabilities),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::agent::{no_links, Endpoint, Reply, Turn};
    use crate::sqlite::Sqlite;
    use moltghost_protocol::control::agent::{AgentRecord, Change, NewAgent};
    use moltghost_protocol::credential::{Pepper, Secret, SecretHash};
    use moltghost_protocol::endpoint::capability::Capabilities;
    use moltghost_protocol::id::{AccountId, AgentId};
    use moltghost_protocol::name;
    use moltghost_protocol::object::agent::{Admission, Admit, AgentOp, Capable, Create, Started, Target};
    use moltghost_protocol::object::{read_answer, write};
    use moltghost_protocol::request_id::RunId;
    use moltghost_protocol::time::Millis;
    use serde::de::DeserializeOwned;

    const START: Millis = 1_795_392_000_000;
    const POD: &str = "https://pod.example";

    fn tell<T: DeserializeOwned>(endpoint: &mut Endpoint<Sqlite>, op: &AgentOp, now: Millis) -> T {
        let turn = Turn { now, nonce: &|| Some([7; 12]) };
        match endpoint.handle(&write(op), &turn) {
            Reply::Now(answer) => read_answer::<T>(&answer).unwrap(),
            Reply::Later(run) => panic!("{run} waits"),
        }
    }

    /// An endpoint on the database, loaded anew.
    fn loaded(sql: &Sqlite) -> Endpoint<Sqlite> {
        let pepper = Pepper::parse("a pepper for these tests", None).unwrap();
        Endpoint::new(sql.clone(), pepper, name::agent(&AgentId::mint(1)), no_links())
    }

    fn running() -> Sqlite {
        let sql = Sqlite::new();
        let pepper = Pepper::parse("a pepper for these tests", None).unwrap();
        let body = format!(r#"{{"name":"a","origin":{{"type":"http","url":"{POD}"}}}}"#);
        let create = Create {
            id: AgentId::mint(1),
            account: AccountId::parse("acme").unwrap(),
            settings: NewAgent::parse(body.as_bytes()).unwrap().settings,
            connect: SecretHash::of(&Secret::mint([9; 32]), &pepper),
        };
        let mut endpoint = loaded(&sql);
        tell::<AgentRecord>(&mut endpoint, &AgentOp::Create(Box::new(create)), START);
        tell::<Started>(&mut endpoint, &AgentOp::Start, START);
        tell::<AgentRecord>(&mut endpoint, &AgentOp::Probed(None), START);
        sql
    }

    fn probe(endpoint: &mut Endpoint<Sqlite>, now: Millis) -> Option<Target> {
        let ask = format!(
            r#"{{"run":"{}","documented":false,"body_bytes":1,"reserve":0}}"#,
            RunId::mint(0, 1).as_str()
        );
        let admit: Admit = serde_json::from_str(&ask).unwrap();
        let admission: Admission = tell(endpoint, &AgentOp::Admit(Box::new(admit)), now);
        admission.probe.map(|target| *target)
    }

    fn found(url: &str, embeddings: bool) -> AgentOp {
        let capabilities = Capabilities { embeddings: Some(embeddings), ..Capabilities::default() };
        AgentOp::Capable(Box::new(Capable { url: url.to_owned(), capabilities }))
    }

    #[test]
    fn what_was_found_is_stored_and_found_out_again_after_a_while() {
        let sql = running();
        let mut endpoint = loaded(&sql);
        assert!(probe(&mut endpoint, START + 1).is_some());
        assert!(probe(&mut endpoint, START + 29_999).is_none());
        tell::<()>(&mut endpoint, &found(POD, true), START + 30_000);
        let mut endpoint = loaded(&sql);
        assert!(probe(&mut endpoint, START + 629_999).is_none());
        let target = probe(&mut endpoint, START + 630_000).unwrap();
        assert_eq!((target.url.as_str(), target.capabilities.embeddings), (POD, Some(true)));
        assert!(probe(&mut endpoint, START + 630_001).is_none());
    }

    #[test]
    fn what_another_pod_serves_does_not_count() {
        let sql = running();
        let mut endpoint = loaded(&sql);
        tell::<()>(&mut endpoint, &found("https://other.example", true), START);
        assert_eq!(probe(&mut endpoint, START + 1).unwrap().capabilities, Capabilities::default());
        tell::<()>(&mut endpoint, &found(POD, true), START + 2);
        let body = br#"{"origin":{"type":"http","url":"https://other.example"}}"#;
        let change = AgentOp::Change(Box::new(Change::parse(body).unwrap()));
        tell::<AgentRecord>(&mut endpoint, &change, START + 3);
        assert_eq!(probe(&mut endpoint, START + 4).unwrap().capabilities, Capabilities::default());
    }
}
