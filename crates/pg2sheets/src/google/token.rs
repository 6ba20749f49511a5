//! The token of the service account, kept between runs.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sync_core::atomic;
use sync_core::fault::Fault;
use yup_oauth2::ServiceAccountAuthenticator;
use yup_oauth2::authenticator::Authenticator;
use yup_oauth2::client::CustomHyperClientBuilder;
use yup_oauth2::error::TokenStorageError;
use yup_oauth2::storage::{TokenInfo, TokenStorage};

use super::connect::Connector;
use super::faults::{self, Who};
use crate::settings::Settings;

/// Workbooks that are shared with the account, and nothing else of Google's.
const SCOPE: [&str; 1] = ["https://www.googleapis.com/auth/spreadsheets"];

/// Gives tokens.
pub(crate) struct Tokens {
    authenticator: Authenticator<Connector>,
    /// The token in use was refused.
    is_refused: bool,
}

impl Tokens {
    /// Tokens for the key of the settings.
    ///
    /// # Errors
    /// A configuration fault when the key is no key.
    pub(crate) async fn new(settings: &Settings, connector: Connector) -> Result<Tokens> {
        let client = Client::builder(TokioExecutor::new()).build::<_, String>(connector);
        let client = CustomHyperClientBuilder::from(client);
        let mut builder = ServiceAccountAuthenticator::with_client(settings.key.clone(), client);
        if let Some(file) = cache(settings) {
            builder = builder.with_storage(Box::new(File(file)));
        }
        let authenticator = builder.build().await.map_err(|error| {
            Fault::config(
                format!("the service account's private_key cannot be read: {error}"),
                "copy the whole key file; its private_key begins with -----BEGIN PRIVATE KEY-----",
            )
        })?;
        Ok(Tokens { authenticator, is_refused: false })
    }

    /// A token that is still valid.
    pub(crate) async fn get(&mut self, patience: Duration, who: &Who) -> Result<String> {
        let token = async {
            match self.is_refused {
                true => self.authenticator.force_refreshed_token(&SCOPE).await,
                false => self.authenticator.token(&SCOPE).await,
            }
        };
        let token = tokio::time::timeout(patience, token).await;
        let token = token.map_err(|_| Fault::temporary("ask Google for a token: no answer in time", ""))?;
        let token = token.map_err(|error| faults::token(error, who))?;
        let token = token.token().filter(|token| is_token(token)).map(str::to_owned);
        // The library takes any JSON for an answer, and would keep this one.
        self.is_refused = token.is_none();
        token.ok_or_else(|| Fault::temporary("what answers for a token holds none", ""))
    }

    /// The last token is of no use: the next one is asked for anew.
    pub(crate) fn forget(&mut self) {
        self.is_refused = true;
    }
}

/// One token in a file that only its owner may read.
struct File(PathBuf);

#[async_trait]
impl TokenStorage for File {
    async fn set(&self, _: &[&str], token: TokenInfo) -> Result<(), TokenStorageError> {
        if !token.access_token.as_deref().is_some_and(is_token) {
            return Ok(());
        }
        let text = serde_json::to_string(&token).unwrap_or_default();
        // Without it the next run asks again, and that is all.
        if let Err(error) = atomic::write_privately(&self.0, &text) {
            log::warn!("the token is not kept for the next run: {error:#}");
        }
        Ok(())
    }

    async fn get(&self, _: &[&str]) -> Option<TokenInfo> {
        let token: TokenInfo = serde_json::from_str(&fs::read_to_string(&self.0).ok()?).ok()?;
        // A file that somebody opened to others is closed again.
        let _ = fs::set_permissions(&self.0, fs::Permissions::from_mode(0o600));
        token.access_token.as_deref().is_some_and(is_token).then_some(token)
    }
}

/// Whether a header can carry it.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The file of this key's token; `None` where nothing can be kept.
fn cache(settings: &Settings) -> Option<PathBuf> {
    let dir = settings.state_dir.as_deref()?;
    make(dir).ok()?;
    let key = &settings.key;
    let mut hash = blake3::Hasher::new();
    for part in [key.client_email.as_str(), key.private_key.as_str(), key.token_uri.as_str()] {
        hash.update(part.as_bytes()).update(&[0]);
    }
    Some(dir.join(format!("token-{}.json", &hash.finalize().to_hex()[..16])))
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make(dir: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
