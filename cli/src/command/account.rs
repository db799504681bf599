//! `account …`: accounts, and the tokens that open them to this program. A secret is printed by the command that makes
//! it, alone on stdout.

use crate::api::{segment, Call};
use crate::args::Account;
use crate::command::{all, argument_or_stdin, control};
use crate::failure::{Failure, Kind};
use crate::output::{cell, table, time, Output};
use crate::settings::Settings;
use moltghost_protocol::credential::AccountToken;
use moltghost_protocol::id::TokenId;
use serde_json::{json, Map, Value};

/// `account …`.
pub async fn run(command: Account, output: Output) -> Result<(), Failure> {
    match command {
        Account::Create { name, id } => create(&name, id, output).await,
        Account::List => list(output).await,
        Account::CreateToken { name, role, expires_at, account } => {
            let mut body =
                Map::from_iter([("name".to_owned(), name.into()), ("role".to_owned(), role.into())]);
            if let Some(time) = expires_at {
                body.insert("expires_at".to_owned(), time.into());
            }
            let path = tokens(&account_or_own(account)?);
            let token = control()?.ask(Call::post(path, Value::Object(body)).once()).await?;
            output.either(&token, &cell(&token, "token"))?;
            output.say(&format!("· it is shown this once; its id is {}", cell(&token, "id")));
            Ok(())
        }
        Account::ListTokens { account } => list_tokens(&account_or_own(account)?, output).await,
        Account::RevokeToken { token, account } => revoke(&token, account, output).await,
    }
}

async fn create(name: &str, id: Option<String>, output: Output) -> Result<(), Failure> {
    // An id makes the call one, however often it is sent; without one it needs a key for that.
    let call = match id {
        Some(id) => Call::post("/api/v1/accounts", json!({ "id": id, "name": name })),
        None => Call::post("/api/v1/accounts", json!({ "name": name })).once(),
    };
    let account = control()?.ask(call).await?;
    let id = cell(&account, "id");
    output.either(&account, &id)?;
    output.say(&format!("· next: moltghost account create-token --account {id} --name LABEL"));
    Ok(())
}

async fn list(output: Output) -> Result<(), Failure> {
    let accounts = all(&control()?, "/api/v1/accounts").await?;
    if output.json {
        return output.document(&json!({ "data": accounts }));
    }
    if accounts.is_empty() {
        output.say("· there are none; make one with: moltghost account create NAME");
        return Ok(());
    }
    let row = |account: &Value| vec![cell(account, "id"), cell(account, "name"), time(account, "created_at")];
    output.line(&table(&["ID", "NAME", "CREATED"], &accounts.iter().map(row).collect::<Vec<_>>()))
}

async fn list_tokens(account: &str, output: Output) -> Result<(), Failure> {
    let tokens = all(&control()?, &tokens(account)).await?;
    if output.json {
        return output.document(&json!({ "data": tokens }));
    }
    if tokens.is_empty() {
        output.say("· there are none; make one with: moltghost account create-token --name LABEL");
        return Ok(());
    }
    let row = |token: &Value| {
        vec![
            cell(token, "id"),
            cell(token, "name"),
            cell(token, "role"),
            time(token, "created_at"),
            time(token, "expires_at"),
        ]
    };
    output.line(&table(
        &["ID", "NAME", "ROLE", "CREATED", "EXPIRES"],
        &tokens.iter().map(row).collect::<Vec<_>>(),
    ))
}

async fn revoke(given: &str, account: Option<String>, output: Output) -> Result<(), Failure> {
    let text = argument_or_stdin(given)?;
    let (account, id) = if let Some(token) = AccountToken::parse(&text) {
        (token.account.to_string(), token.id)
    } else if let Ok(id) = TokenId::parse(&text) {
        (account_or_own(account)?, id)
    } else {
        // What was given is not said again: it may be most of a token.
        return Err(Failure::new(
            Kind::Usage,
            "That is neither a token nor the id of one: there is a typing error in it.",
        )
        .next("Find its id with: moltghost account list-tokens"));
    };
    let path = format!("{}/{}", tokens(&account), segment(id.as_str()));
    let token = control()?.ask(Call::delete(path)).await?;
    output.either(&token, &format!("{} is revoked: it opens nothing any more", cell(&token, "name")))
}

fn tokens(account: &str) -> String {
    format!("/api/v1/accounts/{}/tokens", segment(account))
}

/// The account that is named, else that of the token in use; the operator's is of none.
fn account_or_own(named: Option<String>) -> Result<String, Failure> {
    if let Some(account) = named {
        return Ok(account);
    }
    let token = Settings::load()?.token()?;
    match AccountToken::parse(&token) {
        Some(token) => Ok(token.account.to_string()),
        None => Err(Failure::new(Kind::Usage, "The operator's token is of no account.")
            .next("Name the account: --account ID. moltghost account list shows them.")),
    }
}
