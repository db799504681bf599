//! What the holders of an account's tokens may do, and for how long.

use super::*;

fn with_token(deployment: &Deployment, role: &str, seed: u8) -> AccountToken {
    let token =
        AccountToken { account: acme(), id: TokenId::mint(seed.into()), secret: Secret::mint([seed; 32]) };
    let body = format!(r#"{{"name":"t","role":"{role}","expires_at":"2027-01-01T00:00:00Z"}}"#);
    let op = AccountOp::CreateToken {
        id: token.id.clone(),
        token: NewToken::parse(body.as_bytes(), deployment.now.get()).unwrap(),
        hash: SecretHash::of(&token.secret, &deployment.pepper),
    };
    assert!(deployment.operator::<Created<TokenDocument>>(op).unwrap().new);
    token
}

fn as_holder(deployment: &Deployment, token: &AccountToken, op: AccountOp) -> Answer<serde_json::Value> {
    let ask = AccountAsk::Token { id: token.id.clone(), token: token.reveal(), op };
    deployment.ask(AccountName::Account(acme()), &ask)
}

#[test]
fn each_role_may_do_what_it_says_and_no_more() {
    let deployment = Deployment::with_account();
    deployment.create_agent(1, r#"{"name":"a"}"#).unwrap();
    let find = |role| AccountOp::Find { agent: Which::Id(AgentId::mint(1)), role };
    for (seed, role, least) in
        [(1, "viewer", Role::Viewer), (2, "operator", Role::Operator), (3, "admin", Role::Admin)]
    {
        let token = with_token(&deployment, role, seed);
        for wanted in [Role::Viewer, Role::Operator, Role::Admin] {
            let answer = as_holder(&deployment, &token, find(wanted));
            assert_eq!(answer.is_ok(), wanted <= least, "{role} {wanted:?}");
        }
        let create = AccountOp::Create { id: acme(), name: name_of("Acme") };
        assert_eq!(as_holder(&deployment, &token, create).unwrap_err().code, Code::RoleNotAllowed);
    }
}

#[test]
fn a_token_ends_with_its_time_or_its_revocation() {
    let deployment = Deployment::with_account();
    let first = with_token(&deployment, "admin", 1);
    let second = with_token(&deployment, "admin", 2);
    let forged = AccountToken { secret: Secret::mint([9; 32]), ..first.clone() };
    assert_eq!(as_holder(&deployment, &forged, AccountOp::Show).unwrap_err().code, Code::InvalidToken);
    assert!(as_holder(&deployment, &first, AccountOp::RevokeToken(second.id.clone())).is_ok());
    assert_eq!(as_holder(&deployment, &second, AccountOp::Show).unwrap_err().code, Code::InvalidToken);
    deployment.now.set(moltghost_protocol::time::parse_rfc3339("2027-01-01T00:00:00Z").unwrap());
    assert_eq!(as_holder(&deployment, &first, AccountOp::Show).unwrap_err().code, Code::InvalidToken);
}
