//! `doctor`: looks at everything between this machine and a working deployment, in the order in which things depend
//! on each other, and says what to do about the first thing of each that is wrong.

use crate::api::{refusal, Api, Call};
use crate::dial::{dial, dialer, Stream};
use crate::failure::{Failure, Kind};
use crate::output::{cell, Output};
use crate::settings::Settings;
use hyper::Uri;
use serde_json::{json, Value};

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Good,
    Doubtful,
    Bad,
}

struct Finding {
    what: &'static str,
    is: Is,
    found: String,
    next: Option<String>,
}

/// What was looked at so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, what: &'static str, found: impl Into<String>) {
        self.0.push(Finding { what, is: Is::Good, found: found.into(), next: None });
    }

    fn doubtful(&mut self, what: &'static str, found: impl Into<String>, next: impl Into<String>) {
        self.0.push(Finding { what, is: Is::Doubtful, found: found.into(), next: Some(next.into()) });
    }

    fn bad(&mut self, what: &'static str, found: impl Into<String>, next: impl Into<String>) {
        self.0.push(Finding { what, is: Is::Bad, found: found.into(), next: Some(next.into()) });
    }

    fn failure(&mut self, what: &'static str, failure: &Failure, otherwise: &str) {
        self.bad(what, failure.to_string(), failure.next.clone().unwrap_or_else(|| otherwise.to_owned()));
    }
}

/// `doctor`.
pub async fn doctor(output: Output) -> Result<(), Failure> {
    let mut findings = Findings::default();
    look(&mut findings).await;
    if output.json {
        let checks: Vec<Value> = findings.0.iter().map(document).collect();
        output.document(&json!({ "checks": checks }))?;
    } else {
        for finding in &findings.0 {
            let mark = match finding.is {
                Is::Good => "✓",
                Is::Doubtful => "!",
                Is::Bad => "✗",
            };
            output.line(&format!("{mark} {:12} {}", finding.what, finding.found))?;
            if let Some(next) = &finding.next {
                output.line(&format!("  {:12} → {next}", ""))?;
            }
        }
    }
    match findings.0.iter().filter(|finding| finding.is == Is::Bad).count() {
        0 => Ok(()),
        1 => Err(Failure::new(Kind::Unhealthy, "1 thing must be mended.")),
        n => Err(Failure::new(Kind::Unhealthy, format!("{n} things must be mended."))),
    }
}

fn document(finding: &Finding) -> Value {
    let is = match finding.is {
        Is::Good => "good",
        Is::Doubtful => "doubtful",
        Is::Bad => "bad",
    };
    json!({ "check": finding.what, "is": is, "found": finding.found, "next": finding.next })
}

async fn look(findings: &mut Findings) {
    let settings = match Settings::load() {
        Ok(settings) => settings,
        Err(failure) => return findings.failure("settings", &failure, "Run: moltghost login"),
    };
    let base = match settings.api() {
        Ok(base) => base,
        Err(failure) => return findings.failure("settings", &failure, "Run: moltghost login"),
    };
    findings.good("settings", format!("the deployment is {base}; the file is {}", settings.path.display()));
    if !reach(findings, &base).await {
        return;
    }
    let api = Api::new(base.clone(), settings.token().ok());
    if !serves(findings, &api).await {
        return;
    }
    token(findings, &api, &settings).await;
    network(findings, &settings).await;
}

/// TCP and TLS.
async fn reach(findings: &mut Findings, base: &str) -> bool {
    let Ok(uri) = base.parse::<Uri>() else {
        findings.bad(
            "reachability",
            format!("{base} is no address"),
            "Run: moltghost login https://api.DOMAIN",
        );
        return false;
    };
    let host = uri.host().unwrap_or_default().to_owned();
    match dial(&dialer(), uri).await {
        Ok(Stream::Http(_)) => {
            findings.good("reachability", format!("{host} takes connections"));
            findings.good("TLS", "none, which is fine on this machine alone");
            true
        }
        Ok(Stream::Https(stream)) => {
            findings.good("reachability", format!("{host} takes connections"));
            match stream.inner().get_ref().1.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => {
                    findings.good("TLS", "1.3, with a certificate that this machine trusts");
                }
                _ => findings.doubtful(
                    "TLS",
                    "1.2, with a certificate that this machine trusts",
                    "Switch TLS 1.3 on: docs/operators-guide.md, TLS",
                ),
            }
            true
        }
        Err(why) if why.contains("certificate") => {
            findings.good("reachability", format!("{host} takes connections"));
            findings.bad(
                "TLS",
                why,
                "Mend the zone's certificate (docs/operators-guide.md, TLS); behind a company's proxy name its roots in SSL_CERT_FILE",
            );
            false
        }
        Err(why) => {
            findings.bad(
                "reachability",
                format!("{host}: {why}"),
                "Check the address, DNS and the firewall; is the deployment running?",
            );
            false
        }
    }
}

/// Whether it is a deployment, has its secrets, and its database the migrations.
async fn serves(findings: &mut Findings, api: &Api) -> bool {
    let (status, body) = match api.anonymous().answer(Call::get("/api/v1/agents")).await {
        Ok(answer) => answer,
        Err(failure) => {
            findings.failure("deployment", &failure, "Is the deployment running?");
            return false;
        }
    };
    let failure = refusal(status, &body, api.base());
    match failure.code.as_deref() {
        Some("not_configured") => {
            findings.bad("secrets", failure.message, "Set what it names with: npx wrangler secret put NAME");
            return false;
        }
        Some("invalid_token") => {
            findings.good("deployment", "the control API answers and asks for a token");
            findings.good("secrets", "set");
        }
        _ => {
            findings.failure("deployment", &failure, "Check the address: it is https://api.DOMAIN");
            return false;
        }
    }
    match api.anonymous().answer(Call::get("/readyz")).await {
        Ok((status, _)) if status.is_success() => findings.good("migrations", "D1 answers and has them all"),
        Ok((_, body)) => {
            let document = serde_json::from_slice::<Value>(&body).unwrap_or_default();
            // Where the network is served too, its own form of readiness does not say what is wrong.
            let found = Some(cell(&document, "d1")).filter(|text| text != "-");
            findings.bad(
                "migrations",
                found.unwrap_or_else(|| "D1 does not answer, or lacks migrations".to_owned()),
                "Apply them: npx wrangler d1 migrations apply DB --remote (make deploy does)",
            );
        }
        Err(failure) => findings.failure("migrations", &failure, "Is the deployment running?"),
    }
    true
}

async fn token(findings: &mut Findings, api: &Api, settings: &Settings) {
    let token = match settings.token() {
        Ok(token) => token,
        Err(failure) => return findings.failure("token", &failure, "Run: moltghost login"),
    };
    let account = moltghost_protocol::credential::AccountToken::parse(&token).map(|token| token.account);
    let path = if account.is_some() { "/api/v1/agents?limit=1" } else { "/api/v1/accounts?limit=1" };
    match api.ask(Call::get(path)).await {
        Ok(_) => match account {
            Some(account) => findings.good("token", format!("opens account {account}")),
            None => findings.good("token", "is the operator's"),
        },
        Err(failure) => findings.failure("token", &failure, "Run: moltghost login"),
    }
}

/// The network, which not everybody uses: what is wrong with it is said, and what it warns of passed on.
async fn network(findings: &mut Findings, settings: &Settings) {
    let Ok(base) = settings.network() else { return };
    let api = Api::new(base.clone(), settings.network_token());
    match api.ask(Call::get("/v1/network")).await {
        Ok(network) => {
            findings.good("network", format!("{} answers at {base}", cell(&network, "id")));
            for warning in network.get("warnings").and_then(Value::as_array).into_iter().flatten() {
                let next = cell(warning, "action");
                let next = if next == "-" { "See docs/operators-guide.md".to_owned() } else { next };
                if cell(warning, "severity") == "error" {
                    findings.bad("network", cell(warning, "message"), next);
                } else {
                    findings.doubtful("network", cell(warning, "message"), next);
                }
            }
        }
        Err(failure) => {
            let next = failure
                .next
                .clone()
                .unwrap_or_else(|| "Needed for the chat network alone; see AUTH in README.md".to_owned());
            findings.doubtful("network", failure.to_string(), next);
        }
    }
}
