//! What the API answers when it does not do what was asked: `application/problem+json`
//! (RFC 9457) with a `type` that stays.

use crate::custody::access::Denied;
use crate::custody::dsar::DsarError;
use crate::custody::export::ExportError;
use crate::custody::keeper::KeeperError;
use crate::web::accounts::AccountError;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemDetails {
    /// The status.
    pub status: StatusCode,
    /// `type`: stays as it is.
    pub kind: &'static str,
    /// In words.
    pub title: &'static str,
    /// About this case; no personal data.
    pub detail: Option<String>,
}

impl ProblemDetails {
    /// Not there, or not for this person to know.
    pub const NOT_FOUND: ProblemDetails =
        ProblemDetails::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here");
    /// Nobody is signed in.
    pub const UNAUTHENTICATED: ProblemDetails =
        ProblemDetails::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first");
    /// A sign-in that failed, whatever was wrong.
    pub const REFUSED: ProblemDetails = ProblemDetails::new(
        StatusCode::UNAUTHORIZED,
        "sign-in-refused",
        "Name, password or code are not right",
    );
    /// Not on the way to a provider from here, or not any more.
    pub const SIGN_IN_AGAIN: ProblemDetails =
        ProblemDetails::new(StatusCode::BAD_REQUEST, "sign-in-again", "This sign-in is over; begin again");
    /// The provider lets somebody in, the room does not.
    pub const NO_PLACE: ProblemDetails = ProblemDetails::new(
        StatusCode::FORBIDDEN,
        "no-place",
        "There is no place in the room for this account",
    );
    /// The provider does not answer, or not as it should.
    pub const PROVIDER: ProblemDetails = ProblemDetails::new(
        StatusCode::BAD_GATEWAY,
        "provider",
        "The sign-in service cannot be used just now",
    );
    /// The undertaking has to be accepted.
    pub const UNDERTAKING: ProblemDetails =
        ProblemDetails::new(StatusCode::FORBIDDEN, "undertaking", "Accept the undertaking first");
    /// No right.
    pub const FORBIDDEN: ProblemDetails =
        ProblemDetails::new(StatusCode::FORBIDDEN, "forbidden", "You may not do this");
    /// A change that may come from another site.
    pub const CROSS_SITE: ProblemDetails =
        ProblemDetails::new(StatusCode::FORBIDDEN, "cross-site", "A change needs the header X-Nauhuri: 1");
    /// Closed.
    pub const RESTRICTED: ProblemDetails = ProblemDetails::new(
        StatusCode::FORBIDDEN,
        "restricted",
        "The recording is closed to listening and export",
    );
    /// One cannot decide on one's own request.
    pub const OWN_REQUEST: ProblemDetails = ProblemDetails::new(
        StatusCode::FORBIDDEN,
        "own-request",
        "Somebody else has to decide on your request",
    );
    /// Not so any more.
    pub const CONFLICT: ProblemDetails =
        ProblemDetails::new(StatusCode::CONFLICT, "conflict", "It cannot be changed so");
    /// Too many.
    pub const TOO_MANY: ProblemDetails =
        ProblemDetails::new(StatusCode::TOO_MANY_REQUESTS, "too-many", "There are too many already");
    /// Something broke; the technical log has more.
    pub const BROKEN: ProblemDetails = ProblemDetails::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "Something went wrong in the listening room",
    );
    /// The audit log or the store cannot be written or read just now.
    pub const UNAVAILABLE: ProblemDetails = ProblemDetails::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "The store cannot be used just now",
    );

    /// One of a kind.
    pub const fn new(status: StatusCode, kind: &'static str, title: &'static str) -> ProblemDetails {
        ProblemDetails { status, kind, title, detail: None }
    }

    /// What was sent makes no sense.
    pub fn bad(detail: impl Into<String>) -> ProblemDetails {
        let problem =
            ProblemDetails::new(StatusCode::BAD_REQUEST, "bad-request", "What was sent makes no sense");
        problem.with(detail)
    }

    /// With more about this case.
    pub fn with(self, detail: impl Into<String>) -> ProblemDetails {
        ProblemDetails { detail: Some(detail.into()), ..self }
    }

    /// The same as a conflict: of an act, where listening is forbidden.
    pub fn as_conflict(self) -> ProblemDetails {
        ProblemDetails { status: StatusCode::CONFLICT, ..self }
    }
}

impl From<Denied> for ProblemDetails {
    fn from(denied: Denied) -> ProblemDetails {
        let forbidden = |kind, title| ProblemDetails::new(StatusCode::FORBIDDEN, kind, title);
        match denied {
            Denied::NotFound => ProblemDetails::NOT_FOUND,
            Denied::NoRight => ProblemDetails::FORBIDDEN,
            Denied::Restricted => ProblemDetails::RESTRICTED,
            Denied::Held => ProblemDetails::new(StatusCode::CONFLICT, "held", "A hold keeps the recording"),
            Denied::PastTerm => forbidden("past-term", "The term of the recording is over"),
            Denied::ReasonMissing => forbidden("reason-missing", "A reason has to be given"),
            Denied::ReasonRefused => forbidden("reason-refused", "Not for this reason"),
            Denied::RequestMissing => forbidden("request-missing", "Somebody else has to approve it first"),
            Denied::Missing => ProblemDetails::new(
                StatusCode::CONFLICT,
                "missing",
                "The files of the recording are not there",
            ),
        }
    }
}

impl From<KeeperError> for ProblemDetails {
    fn from(error: KeeperError) -> ProblemDetails {
        tracing::error!(reason = %error, "the store cannot be used");
        ProblemDetails::UNAVAILABLE
    }
}

impl From<AccountError> for ProblemDetails {
    fn from(error: AccountError) -> ProblemDetails {
        tracing::error!(reason = %error, "the accounts cannot be used");
        ProblemDetails::UNAVAILABLE
    }
}

impl From<ExportError> for ProblemDetails {
    fn from(error: ExportError) -> ProblemDetails {
        let said = error.to_string();
        match error {
            ExportError::Restricted(_) => ProblemDetails::RESTRICTED.as_conflict(),
            ExportError::PastTerm(_) => ProblemDetails::from(Denied::PastTerm).as_conflict(),
            ExportError::Inside(_) | ExportError::Empty { .. } => ProblemDetails::bad(said),
            ExportError::Exists(_) => ProblemDetails::CONFLICT.with(said),
            ExportError::Altered(_) => ProblemDetails::CONFLICT.with(said),
            ExportError::Keeper(error) => error.into(),
            ExportError::Store(error) => {
                tracing::error!(reason = %error, "an export failed");
                ProblemDetails::BROKEN.with("the copy could not be written")
            }
        }
    }
}

impl From<DsarError> for ProblemDetails {
    fn from(error: DsarError) -> ProblemDetails {
        match error {
            DsarError::Unfit(why) => ProblemDetails::bad(why),
            DsarError::Unknown(_) => ProblemDetails::NOT_FOUND,
            DsarError::Conflict { why, .. } => ProblemDetails::CONFLICT.with(why),
            DsarError::Keeper(error) => error.into(),
            DsarError::Export(error) => error.into(),
            DsarError::Sqlite { .. } | DsarError::Version { .. } | DsarError::Store(_) => {
                tracing::error!(reason = %error, "the requests of data subjects cannot be used");
                ProblemDetails::UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for ProblemDetails {
    fn into_response(self) -> Response {
        let mut body = json!({ "type": self.kind, "title": self.title, "status": self.status.as_u16() });
        if let Some(detail) = self.detail {
            body["detail"] = detail.into();
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}
