//! `/accounts/{id}/tokens`: for the operator and admins of the account.

use super::accounts::half;
use super::auth::Caller;
use super::{idempotency_key, page};
use crate::answer::Answer;
use crate::endpoint::internal;
use crate::request::Request;
use moltghost_durable::bindings::{now, random};
use moltghost_protocol::control::account::{NewToken, TokenDocument};
use moltghost_protocol::control::page::Page;
use moltghost_protocol::credential::{AccountToken, Secret, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, TokenId};
use moltghost_protocol::object::account::{AccountOp, Created};

async fn account(request: &Request, caller: &Caller, text: &str) -> Result<AccountId, Problem> {
    match AccountId::parse(text) {
        Ok(id) => Ok(id),
        Err(_) => {
            caller.finds_nothing(request, Problem::new(Code::NotFound, "There is no such account.")).await
        }
    }
}

/// `POST /accounts/{id}/tokens`.
pub async fn create(request: &Request, caller: &Caller, id: &str) -> Result<Answer, Problem> {
    let account = account(request, caller, id).await?;
    let new = NewToken::parse(&request.small_body().await?, now())?;
    let pepper = request.config()?.pepper()?;
    let (random, secret) = match idempotency_key(request)? {
        // The same Idempotency-Key is the same token, which we can tell again without having stored it.
        Some(key) => (
            half(&pepper.derive("moltghost/idempotent-token-id/v1", &[account.as_str(), key])),
            pepper.derive("moltghost/idempotent-token-secret/v1", &[account.as_str(), key]),
        ),
        None => (random::u128().map_err(internal)?, random::bytes().map_err(internal)?),
    };
    let token =
        AccountToken { account: account.clone(), id: TokenId::mint(random), secret: Secret::mint(secret) };
    let hash = SecretHash::of(&token.secret, pepper);
    let op = AccountOp::CreateToken { id: token.id.clone(), token: new, hash };
    let created: Created<TokenDocument> = caller.account(request, &account, op).await?;
    let document = TokenDocument { token: Some(token.reveal()), ..created.document };
    Ok(Answer::json(201, &document))
}

/// `GET /accounts/{id}/tokens`.
pub async fn list(request: &Request, caller: &Caller, id: &str) -> Result<Answer, Problem> {
    let tokens: Page<TokenDocument> = caller
        .account(request, &account(request, caller, id).await?, AccountOp::Tokens(page(request)?))
        .await?;
    Ok(Answer::json(200, &tokens))
}

/// `DELETE /accounts/{id}/tokens/{token}`.
pub async fn revoke(request: &Request, caller: &Caller, id: &str, token: &str) -> Result<Answer, Problem> {
    let Ok(token) = TokenId::parse(token) else {
        return caller.finds_nothing(request, Problem::new(Code::NotFound, "There is no such token.")).await;
    };
    let revoked: TokenDocument =
        caller.account(request, &account(request, caller, id).await?, AccountOp::RevokeToken(token)).await?;
    Ok(Answer::json(200, &revoked))
}
