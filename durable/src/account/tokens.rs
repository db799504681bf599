//! Tokens of an account: made, listed, revoked, checked. There is no cache anywhere, so revoking binds at once.

use super::{Account, Answer, World};
use crate::sql::{column, Sql, Value};
use moltghost_protocol::control::account::{Name, NewToken, Role, TokenDocument};
use moltghost_protocol::control::page::{Page, PageRequest};
use moltghost_protocol::credential::{AccountToken, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::TokenId;
use moltghost_protocol::object::account::{AccountOp, Created};
use moltghost_protocol::time::{rfc3339, Millis};

const COLUMNS: &str = "SELECT id, name, role, hash, pepper, created, expires, revoked FROM token";

struct Stored {
    id: TokenId,
    settings: NewToken,
    hash: SecretHash,
    created: i64,
    revoked: bool,
}

impl Stored {
    fn read(row: &[Value]) -> Answer<Self> {
        let unreadable = || Problem::new(Code::InternalError, "a stored token cannot be read");
        let text = |at| column(row, at).text().to_owned();
        Ok(Self {
            id: TokenId::parse(&text(0)).map_err(|_| unreadable())?,
            settings: NewToken {
                name: Name::try_from(text(1)).map_err(|_| unreadable())?,
                role: serde_json::from_value(text(2).into()).map_err(|_| unreadable())?,
                expires_at: column(row, 6).maybe_int(),
            },
            hash: SecretHash {
                hash: text(3),
                version: u32::try_from(column(row, 4).int()).unwrap_or_default(),
            },
            created: column(row, 5).int(),
            revoked: *column(row, 7) != Value::Null,
        })
    }

    fn document(self) -> TokenDocument {
        TokenDocument {
            id: self.id,
            name: self.settings.name,
            role: self.settings.role,
            token: None,
            created_at: rfc3339(self.created),
            expires_at: self.settings.expires_at.map(rfc3339),
        }
    }
}

impl<S: Sql, W: World> Account<S, W> {
    /// Whether a token may ask for this. Unknown, ended and wrong tokens get the same answer.
    pub(super) fn check_token(&self, id: &TokenId, token: &str, op: &AccountOp) -> Answer<()> {
        let stored = match self.document() {
            Ok(_) => self.token(id)?,
            Err(_) => None,
        };
        let none = SecretHash::none(&self.pepper);
        let hash = stored.as_ref().map_or(&none, |stored| &stored.hash);
        let matches =
            AccountToken::parse(token).is_some_and(|given| hash.matches(&given.secret, &self.pepper));
        let live = |stored: &Stored| {
            !stored.revoked && stored.settings.expires_at.is_none_or(|end| self.world.now() < end)
        };
        match stored {
            Some(stored) if matches && live(&stored) => allowed(stored.settings.role, op),
            _ => Err(Problem::new(
                Code::InvalidToken,
                "This token is not known here. Send `Authorization: Bearer` with an account token that was not \
                 revoked and has not ended.",
            )),
        }
    }

    fn token(&self, id: &TokenId) -> Answer<Option<Stored>> {
        let rows = self.sql.run(&format!("{COLUMNS} WHERE id = ?1"), &[id.as_str().into()])?;
        rows.first().map(|row| Stored::read(row)).transpose()
    }

    pub(super) fn create_token(
        &self,
        id: &TokenId,
        token: &NewToken,
        hash: &SecretHash,
    ) -> Answer<Created<TokenDocument>> {
        self.document()?;
        if let Some(stored) = self.token(id)? {
            if stored.settings != *token || stored.revoked {
                return Err(Problem::new(
                    Code::IdempotencyMismatch,
                    "This Idempotency-Key made another token, or one that was revoked. Use a new Idempotency-Key.",
                ));
            }
            return Ok(Created { new: false, document: stored.document() });
        }
        let created = self.world.now();
        self.sql.run(
            "INSERT INTO token (id, name, role, hash, pepper, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                id.as_str().into(),
                token.name.as_str().into(),
                token.role.as_str().into(),
                hash.hash.as_str().into(),
                u64::from(hash.version).into(),
                created.into(),
                token.expires_at.into(),
            ],
        )?;
        let stored =
            Stored { id: id.clone(), settings: token.clone(), hash: hash.clone(), created, revoked: false };
        Ok(Created { new: true, document: stored.document() })
    }

    pub(super) fn tokens(&self, page: &PageRequest) -> Answer<Page<TokenDocument>> {
        self.document()?;
        let rows = self.sql.run(
            &format!("{COLUMNS} WHERE id > ?1 AND revoked IS NULL ORDER BY id LIMIT ?2"),
            &[page.after.as_str().into(), (i64::from(page.limit) + 1).into()],
        )?;
        let tokens: Answer<Vec<_>> = rows.iter().map(|row| Stored::read(row).map(Stored::document)).collect();
        Ok(Page::cut(tokens?, page.limit, |token| token.id.to_string()))
    }

    pub(super) fn revoke_token(&self, id: &TokenId) -> Answer<TokenDocument> {
        self.document()?;
        let stored = self.token(id)?.filter(|stored| !stored.revoked);
        let stored = stored.ok_or_else(|| Problem::new(Code::NotFound, "There is no such token."))?;
        let parameters = [id.as_str().into(), self.world.now().into()];
        self.sql.run("UPDATE token SET revoked = ?2 WHERE id = ?1", &parameters)?;
        self.end_streams(id);
        Ok(stored.document())
    }

    /// A token as it is listed.
    pub(super) fn token_document(&self, id: &TokenId) -> Answer<TokenDocument> {
        let none = || Problem::new(Code::NotFound, "There is no such token.");
        self.token(id)?.map(Stored::document).ok_or_else(none)
    }

    /// When a token expires.
    pub(super) fn token_end(&self, id: &TokenId) -> Answer<Option<Millis>> {
        Ok(self.token(id)?.and_then(|stored| stored.settings.expires_at))
    }
}

fn allowed(role: Role, op: &AccountOp) -> Answer<()> {
    match op.role() {
        Some(least) if role >= least => Ok(()),
        least => Err(Problem::new(
            Code::RoleNotAllowed,
            format!(
                "This needs {}; the token's role is {}.",
                least.map_or("the operator token of the deployment", |role| match role {
                    Role::Viewer => "the role viewer",
                    Role::Operator => "the role operator",
                    Role::Admin => "the role admin",
                }),
                role.as_str()
            ),
        )),
    }
}
