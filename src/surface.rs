//! Which surface serves a request: the host decides, before the path is looked at (agent-endpoints §1).

use crate::answer::{self, Answer};
use crate::config::{not_configured, Config};
use crate::request::Request;
use crate::{control, cors, endpoint, inside, network, system};
use moltghost_protocol::endpoint::route::split_agent_path;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::host::{is_loopback, HostError, Surface};
use moltghost_protocol::object::worker;

/// Serves a request.
pub async fn serve(request: &Request) -> Answer {
    if request.host() == worker::HOST {
        if let Some(answer) = inside::serve(request).await {
            return answer;
        }
    }
    match found(request) {
        Ok(Surface::Endpoint(agent)) => endpoint::serve(request, &agent, request.path()).await,
        Ok(Surface::Pending(agent)) => endpoint::serve_pending(request, &agent).await,
        Ok(Surface::EndpointsByPath) => {
            by_path(request, Served { endpoints: true, control: false, network: false }).await
        }
        Ok(Surface::Control) => {
            by_path(request, Served { endpoints: false, control: true, network: false }).await
        }
        Ok(Surface::Network { endpoints_by_path }) => {
            by_path(request, Served { endpoints: endpoints_by_path, control: true, network: true }).await
        }
        Ok(Surface::Local) => {
            by_path(request, Served { endpoints: true, control: true, network: true }).await
        }
        Err(answer) => answer,
    }
}

/// What a host serves by path.
#[derive(Clone, Copy)]
struct Served {
    endpoints: bool,
    control: bool,
    network: bool,
}

async fn by_path(request: &Request, served: Served) -> Answer {
    let path = request.path();
    // The network has a health of its own.
    if !served.network || path == "/openapi.json" {
        if let Some(answer) = system::serve(request).await {
            return answer;
        }
    }
    if let Some((agent, rest)) = split_agent_path(path).filter(|_| served.endpoints) {
        return match agent {
            Ok(agent) => endpoint::serve(request, &agent, rest).await,
            Err(_) => refused(moltghost_durable::agent::unknown()),
        };
    }
    match path.strip_prefix("/api/v1/") {
        Some(rest) if served.control => answer::of(control::serve(request, rest).await),
        // Where endpoints are not served by path, their paths are nothing: a key must not be sent on to the console.
        _ if served.network && split_agent_path(path).is_none() => network::serve(request).await,
        _ => Answer::from(Problem::new(
            Code::NotFound,
            "There is nothing at this path. /openapi.json lists what there is.",
        )),
    }
}

/// The surface of a request's host, once the host is ours, the way is safe and the secrets are set.
fn found(request: &Request) -> Result<Surface, Answer> {
    let config = request.config().map_err(refused)?;
    let surface = config.hosts.surface(request.host()).map_err(|error| {
        refused(match error {
            HostError::UnknownAgent => moltghost_durable::agent::unknown(),
            HostError::Misdirected => Problem::new(
                Code::MisdirectedRequest,
                "This host is not served here. Check the address; an operator can add the host to HOSTS.",
            ),
        })
    })?;
    secure(request, config)?;
    Ok(surface)
}

fn secure(request: &Request, config: &Config) -> Result<(), Answer> {
    if is_loopback(request.host()) {
        return if config.pepper().is_ok() { Ok(()) } else { Err(refused(not_configured())) };
    }
    let old_tls = matches!(request.head.tls(), "TLSv1" | "TLSv1.1" | "SSLv3");
    if request.scheme() != "https" || old_tls {
        let readable = matches!(request.method(), "GET" | "HEAD");
        let page = matches!(request.path(), "/" | "/console") || request.path().starts_with("/console/");
        if page && readable && !old_tls {
            let location = request.head.url().replacen("http://", "https://", 1);
            return Err(Answer::empty(308).header("location", &location));
        }
        return Err(refused(Problem::new(
            Code::HttpsRequired,
            "Use https with TLS 1.2 or newer: over plain HTTP a key could be read on the way.",
        )));
    }
    if config.is_complete() {
        Ok(())
    } else {
        Err(refused(not_configured()))
    }
}

fn refused(problem: Problem) -> Answer {
    Answer::from(problem).lines(&cors::refusal_lines())
}
