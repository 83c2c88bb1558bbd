//! Logging in: a name and a password become a token.

use super::{Access, Error, Result, htpasswd, password, token_hash};
use crate::{
    clock,
    model::{Token, TokenId},
    store,
};
use chrono::TimeDelta;
use serde_json::Map;

/// What somebody offers to log in.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// The user a proxy in front of us vouches for.
    pub vouched_for: Option<String>,
    /// Name and password of HTTP Basic authentication.
    pub basic: Option<(String, String)>,
}

/// What the token shall be like.
#[derive(Clone, Debug, Default)]
pub struct LoginRequest {
    /// Life in seconds, as text since it may be any integer; the longest allowed when absent.
    pub ttl: Option<serde_json::Number>,
    /// Act for this user.
    pub user: Option<String>,
    /// Act for the user known by this chat name.
    pub impersonate_user: Option<String>,
    /// The chat that name belongs to.
    pub nickname_origin: Option<String>,
}

impl Access {
    /// Checks who it is and makes a token; answers it with its text.
    pub async fn login(&self, login: Login, request: LoginRequest) -> Result<(Token, String)> {
        let user = self.verify(login).await?;
        self.register(&user).await?;
        let user = self.acting_for(user, &request).await?;
        self.create_token(&user, request.ttl).await
    }

    async fn verify(&self, login: Login) -> Result<String> {
        if self.0.proxied {
            // The proxy has checked the password already; Basic then only tells the name.
            let name = login.vouched_for.or(login.basic.map(|(name, _)| name));
            return name.filter(|name| !name.is_empty()).ok_or(Error::BadLogin);
        }
        let Some((name, secret)) = login.basic else { return Err(Error::BadLogin) };
        if name.is_empty() {
            return Err(Error::BadLogin);
        }
        if let Some(file) = &self.0.htpasswd
            && let Some(entry) = htpasswd::find(file, &name).await
        {
            let accepted = password::in_turn(&self.0.hashing, move || entry.accepts(&secret)).await;
            return if accepted { Ok(name) } else { Err(Error::BadLogin) };
        }
        let hash = store::users::find(self.0.store.pool(), &name).await?.and_then(|user| user.password_hash);
        if password::verify(&self.0.hashing, secret, hash).await { Ok(name) } else { Err(Error::BadLogin) }
    }

    /// The first login makes the user known.
    async fn register(&self, name: &str) -> Result<()> {
        if store::users::find(self.0.store.pool(), name).await?.is_none() {
            let mut tx = self.0.store.begin().await?;
            store::users::ensure(&mut tx, name).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn acting_for(&self, user: String, request: &LoginRequest) -> Result<String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (target, nickname) = (given(&request.user), given(&request.impersonate_user));
        if target.is_none() && nickname.is_none() {
            return Ok(user);
        }
        let pool = self.0.store.pool();
        let requester = store::users::find(pool, &user).await?.ok_or(Error::NoSuchUser(user))?;
        if !requester.is_service {
            return Err(Error::NotAService);
        }
        if let Some(target) = target {
            return Ok(target);
        }
        let nickname = nickname.unwrap_or_default();
        let Some(origin) = given(&request.nickname_origin) else {
            return Err(Error::NoNicknameOrigin(nickname));
        };
        let mut names = store::users::names_by_nickname(pool, &origin, &nickname).await?;
        match names.len() {
            0 => Err(Error::NoSuchUser(format!("{nickname}@{origin}"))),
            1 => Ok(names.remove(0)),
            _ => Err(Error::AmbiguousNickname(format!("{nickname}@{origin}"))),
        }
    }

    async fn create_token(&self, user: &str, ttl: Option<serde_json::Number>) -> Result<(Token, String)> {
        let most = self.0.token_ttl;
        let seconds = match ttl {
            None => most,
            Some(asked) => match asked.as_u64().filter(|seconds| *seconds <= most) {
                Some(seconds) => seconds,
                None => return Err(Error::TtlTooLong { asked: asked.to_string(), most }),
            },
        };
        let text = uuid::Uuid::new_v4().simple().to_string();
        let token = Token {
            id: TokenId::generate(),
            user: user.to_owned(),
            expiry: clock::now() + TimeDelta::seconds(seconds.min(1 << 40) as i64),
            service: false,
            metadata: Map::new(),
        };
        let mut tx = self.0.store.begin().await?;
        store::users::ensure(&mut tx, user).await?;
        store::tokens::insert(&mut tx, &token, &token_hash(&text)).await?;
        tx.commit().await?;
        Ok((token, text))
    }
}
