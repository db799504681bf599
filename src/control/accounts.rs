//! `/accounts`: for the operator.

use super::auth::Caller;
use super::{idempotency_key, page};
use crate::answer::Answer;
use crate::endpoint::internal;
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::random;
use moltghost_protocol::control::account::{AccountDocument, NewAccount};
use moltghost_protocol::control::page::Page;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AccountId;
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::{AccountAsk, AccountOp, Created, RegisterOp};

/// `POST /accounts`.
pub async fn create(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    caller.must_be_operator(request).await?;
    let new = NewAccount::parse(&request.small_body().await?)?;
    let key = idempotency_key(request)?;
    // An id that was asked for is what a repetition is told by, with an Idempotency-Key, too.
    let key = key.filter(|_| new.id.is_none());
    let id = match (new.id, key) {
        (Some(id), _) => id,
        // The same Idempotency-Key is the same id, so the same account.
        (None, Some(key)) => {
            let bytes = request.config()?.pepper()?.derive("moltghost/idempotent-account/v1", &[key]);
            AccountId::mint(half(&bytes))
        }
        (None, None) => AccountId::mint(random::u128().map_err(internal)?),
    };
    let op = AccountOp::Create { id: id.clone(), name: new.name };
    let created = caller.account::<Created<AccountDocument>>(request, &id, op).await;
    let created = created.map_err(|problem| match (problem.code, key) {
        (Code::NameTaken, Some(_)) => Problem::new(
            Code::IdempotencyMismatch,
            "This Idempotency-Key made another account. Use a new Idempotency-Key for another account.",
        ),
        _ => problem,
    })?;
    Ok(Answer::json(if created.new { 201 } else { 200 }, &created.document))
}

/// `GET /accounts`.
pub async fn list(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    caller.must_be_operator(request).await?;
    let ask = AccountAsk::Register(RegisterOp::List(page(request)?));
    let accounts: Page<AccountDocument> = objects::account(request, &AccountName::Register, &ask).await?;
    Ok(Answer::json(200, &accounts))
}

/// The first 128 bits of a derived value.
pub fn half(bytes: &[u8; 32]) -> u128 {
    bytes.iter().take(16).fold(0, |value, byte| value << 8 | u128::from(*byte))
}
