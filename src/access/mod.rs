//! Who calls, and what they may do: credentials become a [`Caller`], a caller's wish becomes a [`Permit`].
//!
//! Knows nothing of HTTP beyond the five places a credential can come from ([`Credential`]). Roles and their grants
//! are not here yet: without RBAC everybody may do everything, and [`Caller::permit`] is where that will change.

mod api_key;
mod bootstrap;
mod cache;
mod caller;
mod error;
mod htpasswd;
mod login;
mod password;
mod permission;
mod resource;
mod service_token;

pub use api_key::{generate as generate_api_key, hash as hash_api_key, of as api_key_of, salted_hash};
pub use bootstrap::{FirstStart, bootstrap};
pub use caller::{Caller, Location, Method, Permit, is_admin};
pub use error::{Error, Result};
pub use login::{Login, LoginRequest};
pub use permission::{Permission, ResourceType};
pub use resource::Resource;

use crate::{
    clock,
    config::{self, Config},
    model::{ExecutionId, Token},
    store::{self, Store},
};
use cache::Cache;
use caller::Identity;
use chrono::{DateTime, TimeDelta, Utc};
use service_token::Signer;
use sha2::{Digest, Sha256};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Semaphore;

/// A credential as a request carried it. The first one present decides, in the order of StackStorm: header token,
/// header key, query token, query key, cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// An access token.
    Token(&'a str, Location),
    /// An API key.
    ApiKey(&'a str, Location),
}

/// The door. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    signer: Signer,
    cache: Cache,
    /// Passwords hashed at the same time: each takes tens of milliseconds and megabytes.
    hashing: Arc<Semaphore>,
    enabled: bool,
    proxied: bool,
    htpasswd: Option<PathBuf>,
    token_ttl: u64,
    service_token_ttl: u64,
    system_user: Arc<str>,
    mask_secrets: bool,
}

impl Access {
    /// Opens the door: reads settings and the installation's signing key, which the first daemon makes.
    pub async fn open(store: &Store, config: &Config) -> Result<Self> {
        let proxied = match config.auth.mode.as_str() {
            "standalone" => false,
            "proxy" => true,
            other => return Err(Error::Config(format!("{other} is not a valid auth mode"))),
        };
        check_cookie(&config.api)?;
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|_| Error::NoRandomness)?;
        let mut tx = store.begin().await?;
        let secret = store::secrets::find_or_insert(&mut tx, "service_token", &fresh).await?;
        tx.commit().await?;
        Ok(Self(Arc::new(Inner {
            store: store.clone(),
            signer: Signer::new(&secret),
            cache: Cache::default(),
            hashing: Arc::new(Semaphore::new(password::AT_ONCE)),
            enabled: config.auth.enable,
            proxied,
            htpasswd: Some(config.auth.htpasswd_file.clone()).filter(|path| !path.as_os_str().is_empty()),
            token_ttl: config.auth.token_ttl,
            service_token_ttl: config.auth.service_token_ttl,
            system_user: config.system_user.name().into(),
            mask_secrets: config.api.mask_secrets,
        })))
    }

    /// Whether requests to API and stream have to prove who they are.
    pub fn is_enabled(&self) -> bool {
        self.0.enabled
    }

    /// The caller of a request that carries no proof because none is asked for: the system user.
    pub fn system_caller(&self) -> Caller {
        Caller {
            identity: self.identity(&self.0.system_user, Method::Nothing, None),
            location: Location::Header,
        }
    }

    /// Who is behind a credential.
    pub async fn authenticate(&self, credential: Option<Credential<'_>>) -> Result<Caller> {
        let (identity, location) = match credential {
            None => return Err(Error::NoCredentials),
            Some(Credential::Token(token, location)) => (self.token_identity(token).await?, location),
            Some(Credential::ApiKey(key, location)) => (self.key_identity(key).await?, location),
        };
        Ok(Caller { identity, location })
    }

    async fn token_identity(&self, token: &str) -> Result<Arc<Identity>> {
        let key = cache::key(b't', token);
        let generation = match self.0.cache.find(&key) {
            Ok(identity) if identity.expiry.is_none_or(|expiry| expiry > clock::now()) => {
                return Ok(identity);
            }
            Ok(_) => return Err(Error::ExpiredToken),
            Err(generation) => generation,
        };
        let token = self.find_token(token).await?.ok_or(Error::UnknownToken)?;
        if token.expiry <= clock::now() {
            return Err(Error::ExpiredToken);
        }
        let identity = self.identity(&token.user.into(), Method::Token, Some(token.expiry));
        self.0.cache.insert(generation, key, Arc::clone(&identity));
        Ok(identity)
    }

    async fn key_identity(&self, text: &str) -> Result<Arc<Identity>> {
        let key = cache::key(b'k', text);
        let generation = match self.0.cache.find(&key) {
            Ok(identity) => return Ok(identity),
            Err(generation) => generation,
        };
        let hash = api_key::hash(text);
        let found = store::api_keys::find_by_hash(self.0.store.pool(), &hash).await?;
        let found = found.ok_or(Error::UnknownKey(hash))?;
        if !found.enabled {
            return Err(Error::DisabledKey);
        }
        let identity = self.identity(&found.user.into(), Method::ApiKey, None);
        self.0.cache.insert(generation, key, Arc::clone(&identity));
        Ok(identity)
    }

    fn identity(&self, user: &Arc<str>, method: Method, expiry: Option<DateTime<Utc>>) -> Arc<Identity> {
        Arc::new(Identity { user: Arc::clone(user), method, expiry, mask_secrets: self.0.mask_secrets })
    }

    /// The token with this text, also when it has expired; a service token is read, not looked up.
    pub async fn find_token(&self, text: &str) -> Result<Option<Token>> {
        let pool = self.0.store.pool();
        if text.len() <= 32 {
            return Ok(store::tokens::find_by_hash(pool, &token_hash(text)).await?);
        }
        let Some(claims) = self.0.signer.read(text) else { return Ok(None) };
        if let Some(execution) = claims.execution
            && !store::tokens::execution_runs(pool, execution).await?
        {
            return Ok(None);
        }
        Ok(Some(Token {
            id: crate::model::TokenId::generate(),
            user: claims.user,
            expiry: claims.expiry,
            service: true,
            metadata: serde_json::Map::new(),
        }))
    }

    /// A token for an action or a sensor of `user`, with the configured life. It ends with `execution`, if given.
    /// Costs no query.
    pub fn service_token(&self, user: &str, execution: Option<ExecutionId>) -> String {
        let life = TimeDelta::seconds(i64::try_from(self.0.service_token_ttl).unwrap_or(i64::MAX / 1000));
        self.0.signer.sign(user, execution, clock::now() + life)
    }

    /// Forgets verified credentials: call it after a commit that changed a key, a token or a user.
    pub fn forget_verified(&self) {
        self.0.cache.clear();
    }
}

/// Browsers drop what `none` without `Secure` would give them, and nobody would see why.
fn check_cookie(api: &config::Api) -> Result<()> {
    match (api.auth_cookie_same_site.as_str(), api.auth_cookie_secure) {
        ("none", false) => Err(Error::Config(
            "api.auth_cookie_same_site = \"none\" needs api.auth_cookie_secure = true".to_owned(),
        )),
        ("strict" | "lax" | "none" | "unset", _) => Ok(()),
        (other, _) => Err(Error::Config(format!(
            "{other} is not a valid api.auth_cookie_same_site: strict, lax, none or unset"
        ))),
    }
}

/// What the database keeps of a token.
fn token_hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}
