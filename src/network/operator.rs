//! `/api/v1/network`: what the deployment's operator sets up besides variables: static tokens, pairings, limits. Part
//! of the control API, with its refusals.

use super::ask::Asking;
use super::configured;
use crate::answer::Answer;
use crate::request::Request;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::moltnet::decode::decode;
use moltghost_protocol::moltnet::error::MoltnetError;
use moltghost_protocol::object::network::{NetworkOp, OperatorOp, Reply};
use serde::de::DeserializeOwned;

/// Something of the network's setup.
#[derive(Clone, Copy)]
pub enum Setup<'a> {
    /// All of it.
    Network,
    /// Static tokens.
    Tokens,
    /// One static token.
    Token(&'a str),
    /// Pairings.
    Pairings,
    /// One pairing.
    Pairing(&'a str),
    /// Limits.
    Limits,
    /// The directory in D1.
    Projection,
    /// The search's database.
    Search,
}

impl Setup<'_> {
    /// Methods that it takes.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Network => "GET, HEAD",
            Self::Tokens | Self::Pairings | Self::Projection | Self::Search => "POST",
            Self::Token(_) | Self::Pairing(_) => "DELETE",
            Self::Limits => "PATCH",
        }
    }
}

/// Serves a call of the operator, whose token was checked.
///
/// # Errors
/// The refusal.
pub async fn serve(request: &Request, setup: Setup<'_>) -> Result<Answer, Problem> {
    let op = match setup {
        Setup::Network => OperatorOp::Show,
        Setup::Tokens => OperatorOp::PutToken(body(request).await?),
        Setup::Token(id) => OperatorOp::RemoveToken(id.to_owned()),
        Setup::Pairings => OperatorOp::PutPairing(body(request).await?),
        Setup::Pairing(id) => OperatorOp::RemovePairing(id.to_owned()),
        Setup::Limits => OperatorOp::ChangeLimits(body(request).await?),
        Setup::Projection => OperatorOp::Reproject,
        Setup::Search => return super::search::refill(request).await,
    };
    let settings = configured(request).map_err(|why| Problem::new(Code::NotConfigured, why))?;
    let asking = Asking { request, settings: &settings };
    match asking.network_as(None, NetworkOp::Operator(op)).await {
        Ok(Reply::Document { status, body }) => Ok(Answer::json_text(status, body)),
        Ok(_) => Err(Problem::new(Code::InternalError, "the network's object answered something else")),
        Err(error) => Err(problem(request, error)),
    }
}

async fn body<T: DeserializeOwned + Default>(request: &Request) -> Result<T, Problem> {
    decode(&request.small_body().await?).map_err(|error| Problem::new(Code::InvalidJson, error.message))
}

/// A refusal of the network in the control API's shape.
fn problem(request: &Request, error: MoltnetError) -> Problem {
    let code = match error.status {
        400 | 422 => Code::InvalidRequest,
        404 => Code::NotFound,
        409 => Code::NameTaken,
        _ => {
            crate::log("network_failed", request, &error.to_string());
            return Problem::new(Code::InternalError, "Something went wrong here. Tell the operator.");
        }
    };
    Problem::new(code, error.message)
}
