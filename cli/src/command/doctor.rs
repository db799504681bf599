//! `doctor`: looks at everything between this machine and a working deployment, in the order in which things depend
//! on each other, and says what to do about the first thing of each that is wrong.

use crate::api::{refusal, segment, Api, Call};
use crate::connect::target::endpoint_of;
use crate::dial::{dial, dialer, named_certificates, Stream};
use crate::failure::{Failure, Kind};
use crate::output::{cell, Output};
use crate::settings::{variable, Settings, CONNECT_TOKEN};
use hyper::Uri;
use moltghost_protocol::credential::{AccountToken, ConnectToken};
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
    findings.good("settings", format!("the deployment is {base}; the file is {}", settings.file()));
    if let Some(why) = named_certificates() {
        findings.bad(
            "certificates",
            why,
            "Name a file of PEM certificates, or unset it to trust the machine's.",
        );
    }
    if !reach(findings, &base).await {
        return;
    }
    let api = Api::new(base.clone(), settings.token().ok());
    if !serves(findings, &api).await {
        return;
    }
    let endpoint = token(findings, &api, &settings).await.or_else(|| connector(findings, &base));
    if let Some(endpoint) = endpoint {
        reaches_agents(findings, &endpoint).await;
    }
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

/// The token of the control API; answers the address of an agent that it sees.
async fn token(findings: &mut Findings, api: &Api, settings: &Settings) -> Option<String> {
    let token = match settings.token() {
        Ok(token) => token,
        // A pod's machine need hold nothing but a connect token.
        Err(_) if variable(CONNECT_TOKEN).is_some() => return None,
        Err(failure) => {
            findings.failure("token", &failure, "Run: moltghost login");
            return None;
        }
    };
    let account = AccountToken::parse(&token).map(|token| token.account);
    let path = if account.is_some() { "/api/v1/agents?limit=1" } else { "/api/v1/accounts?limit=1" };
    let first = match api.ask(Call::get(path)).await {
        Ok(page) => page.pointer("/data/0").cloned().unwrap_or_default(),
        Err(failure) => {
            findings.failure("token", &failure, "Run: moltghost login");
            return None;
        }
    };
    let Some(account) = account else {
        findings.good("token", "is the operator's");
        let path = format!("/api/v1/agents?limit=1&account={}", segment(&cell(&first, "id")));
        return endpoint(api.ask(Call::get(path)).await.ok()?.pointer("/data/0")?);
    };
    findings.good("token", format!("opens account {account}"));
    endpoint(&first)
}

fn endpoint(agent: &Value) -> Option<String> {
    agent.get("endpoint").and_then(Value::as_str).map(str::to_owned)
}

/// The connect token of a machine that has no other; answers the address of its agent.
fn connector(findings: &mut Findings, base: &str) -> Option<String> {
    let token = variable(CONNECT_TOKEN)?;
    let Some(token) = ConnectToken::parse(&token) else {
        findings.bad(
            "connect token",
            format!("{CONNECT_TOKEN} holds none: there is a typing error in it, or it is something else"),
            "Make another with: moltghost agent connect-token NAME",
        );
        return None;
    };
    findings.good("connect token", format!("is one of agent {}", token.agent));
    Some(endpoint_of(base, token.agent.as_str()))
}

/// Agents have hosts of their own, for which DNS and the certificate are easily forgotten.
async fn reaches_agents(findings: &mut Findings, endpoint: &str) {
    const DNS: &str = "Add proxied DNS records for agent.DOMAIN and *.agent.DOMAIN (docs/operators-guide.md)";
    const CERTIFICATE: &str =
        "Order a certificate that covers *.agent.DOMAIN, or serve agents at agent-ID.DOMAIN (docs/operators-guide.md, TLS)";
    let what = "endpoints";
    let Ok(uri) = endpoint.parse::<Uri>() else { return };
    if let Err(why) = dial(&dialer(), uri).await {
        let next = if why.contains("certificate") { CERTIFICATE } else { DNS };
        findings.bad(what, format!("{endpoint}: {why}"), next);
        return;
    }
    match Api::new(endpoint.to_owned(), None).answer(Call::get("/v1/health")).await {
        Ok((status, body)) => {
            let health = serde_json::from_slice::<Value>(&body).unwrap_or_default();
            let state = cell(&health, "status");
            if state == "-" {
                findings.bad(what, format!("{endpoint} answers {status}, which no agent does"), DNS);
            } else {
                findings.good(what, format!("{endpoint} answers ({state})"));
            }
        }
        Err(failure) => findings.failure(what, &failure, DNS),
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
