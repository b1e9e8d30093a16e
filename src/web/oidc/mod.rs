//! Sign-in by an OpenID Connect provider: who somebody is, and of which groups, from
//! whoever keeps the accounts of the house.
//!
//! OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636); sign-out at
//! both ends by RP-Initiated Logout 1.0 and Back-Channel Logout 1.0. What the provider
//! publishes is asked for when it is needed, and again after an hour or where its keys
//! have changed. Must not know accounts: [`ProviderIdentity`] is what it says of somebody.

pub mod handshake;
pub mod https;
pub mod logout;

use crate::config::listening::Oidc;
use crate::time::Timestamp;
use anyhow::Context;
use handshake::{Handshake, Seal, TIME_S};
use https::HttpsTransport;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, Client,
    ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdToken, IdTokenClaims, IdTokenFields, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl,
    Scope, StandardErrorResponse, StandardTokenResponse, SubjectIdentifier, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The page to which the provider sends people back.
pub const BACK: &str = "/sign-in/provider/back";
/// How long what the provider publishes is believed without asking again.
const FRESH: Duration = Duration::from_secs(3_600);
/// Keys that do not fit are asked for anew at most so often: strangers may send tokens.
const REFRESH: Duration = Duration::from_secs(10);
/// Longest secret of a client, bytes.
const SECRET_MAX: u64 = 4_096;
/// Groups of one person that are looked at.
const GROUPS_MAX: usize = 2_000;

/// Claims beside the standard ones, whatever they are.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Extra {
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl AdditionalClaims for Extra {}

type OidcToken = IdToken<Extra, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type TokenFields = IdTokenFields<
    Extra,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type OidcClient = Client<
    Extra,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<TokenFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why a provider let nobody in. For the log: no secret, no token in it.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be asked, or says nothing that makes sense.
    #[error("the provider cannot be used: {0}")]
    Unusable(String),
    /// What came back is not for us, not from it, or not now.
    #[error("the provider's answer does not hold: {0}")]
    Wrong(String),
}

/// Somebody, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderIdentity {
    /// Of which provider.
    pub issuer: String,
    /// Who that is there, for good.
    pub subject: String,
    /// By which name, where it says one.
    pub name: Option<String>,
    /// What that is here, by the groups it names.
    pub roles: Vec<String>,
    /// The session there, where it says.
    pub sid: Option<String>,
    /// The ID token, for the way out.
    pub id_token: String,
}

/// What the provider publishes, and when it was asked.
#[derive(Clone)]
struct Published {
    metadata: Arc<ProviderMetadataWithLogout>,
    asked: Instant,
}

/// The provider of the configuration.
pub struct Provider {
    settings: Oidc,
    issuer: IssuerUrl,
    secret: Option<ClientSecret>,
    transport: HttpsTransport,
    seal: Seal,
    published: Mutex<Option<Published>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Provider {
    /// The provider of a checked configuration; `None` where there is none.
    ///
    /// # Errors
    /// The secret cannot be read.
    pub fn new(settings: &Oidc) -> anyhow::Result<Option<Provider>> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        Ok(Some(Provider {
            issuer: IssuerUrl::new(settings.issuer.clone()).context("room.oidc.issuer")?,
            secret: secret(&settings.client_secret_file)?,
            transport: HttpsTransport::new()?,
            seal: Seal::random(),
            published: Mutex::default(),
            settings: settings.clone(),
        }))
    }

    /// Where to send somebody, and what his browser keeps meanwhile.
    ///
    /// # Errors
    /// The provider cannot be asked.
    pub async fn begin(
        &self,
        base: &str,
        next: &str,
        now: Timestamp,
    ) -> Result<(String, String), ProviderError> {
        let client = self.client(base, false).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in self.settings.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.url();
        let handshake = Handshake {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            base: base.to_owned(),
            next: next.to_owned(),
            until_s: now.as_ns() / 1_000_000_000 + TIME_S,
        };
        Ok((url.to_string(), self.seal.close(&handshake)))
    }

    /// What a browser that comes back was on the way for; `None`: nothing that began here, or not lately, or
    /// it came already.
    pub fn back(&self, cookie: &str, state: &str, now: Timestamp) -> Option<Handshake> {
        self.seal.open(cookie, state, now)
    }

    /// Who came, by the code he brought.
    ///
    /// # Errors
    /// The provider cannot be asked, or what it says does not hold.
    pub async fn finish(
        &self,
        handshake: &Handshake,
        code: String,
    ) -> Result<ProviderIdentity, ProviderError> {
        let mut client = self.client(&handshake.base, false).await?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|e| ProviderError::Unusable(e.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(handshake.verifier.clone()))
            .request_async(&self.transport.sender())
            .await
            .map_err(|e| ProviderError::Wrong(in_words(&e)))?;
        let token = answer.id_token().ok_or_else(|| ProviderError::Wrong("no ID token".into()))?;
        let nonce = Nonce::new(handshake.nonce.clone());
        let mut read = claims_of(&client, token, &nonce);
        if matches!(read, Err(ClaimsVerificationError::SignatureVerification(_))) {
            // Its keys may have changed since they were asked for.
            client = self.client(&handshake.base, true).await?;
            read = claims_of(&client, token, &nonce);
        }
        let claims = read.map_err(|e| ProviderError::Wrong(in_words(&e)))?;
        let mut told = serde_json::to_value(claims).unwrap_or_default();
        if told.get(&self.settings.groups_claim).is_none() || told.get(&self.settings.name_claim).is_none() {
            self.ask_more(&client, answer.access_token(), claims.subject(), &mut told).await?;
        }
        let text = |claim: &str| told.get(claim).and_then(Value::as_str).map(str::to_owned);
        Ok(ProviderIdentity {
            issuer: self.settings.issuer.clone(),
            subject: claims.subject().to_string(),
            name: text(&self.settings.name_claim),
            roles: self.roles(&told),
            sid: text("sid"),
            id_token: token.to_string(),
        })
    }

    /// What the ID token leaves out, the userinfo endpoint may tell (Core section 5.3).
    async fn ask_more(
        &self,
        client: &OidcClient,
        access: &AccessToken,
        subject: &SubjectIdentifier,
        told: &mut Value,
    ) -> Result<(), ProviderError> {
        // The answer has to be about the very person of the ID token.
        let Ok(request) = client.user_info(access.clone(), Some(subject.clone())) else { return Ok(()) };
        let more: UserInfoClaims<Extra, CoreGenderClaim> = request
            .request_async(&self.transport.sender())
            .await
            .map_err(|e| ProviderError::Wrong(in_words(&e)))?;
        let more = serde_json::to_value(more).unwrap_or_default();
        if let (Value::Object(told), Value::Object(more)) = (told, more) {
            for (claim, value) in more {
                told.entry(claim).or_insert(value);
            }
        }
        Ok(())
    }

    /// Roles by the groups somebody is in.
    fn roles(&self, told: &Value) -> Vec<String> {
        let groups: Vec<&str> = match told.get(&self.settings.groups_claim) {
            Some(Value::Array(list)) => list.iter().take(GROUPS_MAX).filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one],
            _ => Vec::new(),
        };
        let mut roles: Vec<String> =
            groups.iter().filter_map(|group| self.settings.roles.get(*group)).cloned().collect();
        roles.sort();
        roles.dedup();
        roles
    }

    /// Where a browser goes to be signed out there too; `None` where the provider has no such place, or was
    /// never asked.
    pub fn way_out(&self, id_token: &str, base: &str) -> Option<String> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let end = published.metadata.additional_metadata().end_session_endpoint.clone()?;
        let mut request =
            LogoutRequest::from(end).set_client_id(ClientId::new(self.settings.client_id.clone()));
        if let Ok(token) = id_token.parse::<OidcToken>() {
            request = request.set_id_token_hint(&token);
        }
        if let Ok(url) = PostLogoutRedirectUrl::new(format!("{base}/sign-in")) {
            request = request.set_post_logout_redirect_uri(url);
        }
        Some(request.http_get_url().to_string())
    }

    /// Whose sessions the provider ended, by the token it sent.
    ///
    /// # Errors
    /// The provider cannot be asked, or the token is not its own, not for us or not now.
    pub async fn signed_out(&self, token: &str, now: Timestamp) -> Result<logout::SignedOut, ProviderError> {
        let expected = logout::Expected {
            issuer: &self.settings.issuer,
            client: &self.settings.client_id,
            now_s: now.as_ns() / 1_000_000_000,
        };
        let keys = self.published(false).await?.metadata.jwks().clone();
        match logout::read(token, &keys, &expected) {
            Err(logout::LogoutError::Signature) => {
                let keys = self.published(true).await?.metadata.jwks().clone();
                logout::read(token, &keys, &expected)
            }
            read => read,
        }
        .map_err(|e| ProviderError::Wrong(e.to_string()))
    }

    async fn client(&self, base: &str, anew: bool) -> Result<OidcClient, ProviderError> {
        let metadata = self.published(anew).await?.metadata;
        let id = ClientId::new(self.settings.client_id.clone());
        let redirect = RedirectUrl::new(format!("{base}{BACK}"))
            .map_err(|_| ProviderError::Wrong("the address of the room makes no sense".into()))?;
        Ok(Client::from_provider_metadata((*metadata).clone(), id, self.secret.clone())
            .set_redirect_uri(redirect))
    }

    /// What the provider publishes, asked for where what is known is old.
    async fn published(&self, anew: bool) -> Result<Published, ProviderError> {
        let age = if anew { REFRESH } else { FRESH };
        let known = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.asked.elapsed() < age) {
            return Ok(known);
        }
        let metadata =
            ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.transport.sender())
                .await
                .map_err(|e| ProviderError::Unusable(in_words(&e)))?;
        let published = Published { metadata: Arc::new(metadata), asked: Instant::now() };
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(published.clone());
        Ok(published)
    }
}

fn claims_of<'t>(
    client: &OidcClient,
    token: &'t OidcToken,
    nonce: &Nonce,
) -> Result<&'t IdTokenClaims<Extra, CoreGenderClaim>, ClaimsVerificationError> {
    token.claims(&client.id_token_verifier(), nonce)
}

/// An error with all that it stems from.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// The client's secret; `None`: a public client, which PKCE protects.
fn secret(path: &Path) -> anyhow::Result<Option<ClientSecret>> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let told = || format!("room.oidc.client_secret_file: {}", path.display());
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_MAX).read_to_string(&mut text))
        .with_context(told)?;
    let text = text.trim();
    anyhow::ensure!(!text.is_empty(), "{}: empty", told());
    Ok(Some(ClientSecret::new(text.to_owned())))
}
