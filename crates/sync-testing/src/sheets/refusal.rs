//! The errors that Google answers.

use serde_json::{Value, json};

/// An error with its status.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    status: &'static str,
    message: String,
    details: Option<Value>,
    /// As older parts of Google write them.
    errors: Option<Value>,
}

impl Refusal {
    fn new(code: u16, status: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, status, message: message.into(), details: None, errors: None }
    }

    fn with(mut self, details: Value) -> Refusal {
        self.details = Some(details);
        self
    }

    /// 400 with this sentence.
    pub(super) fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "INVALID_ARGUMENT", message)
    }

    /// 400 for a body or a query that the API's schema does not have.
    pub(super) fn payload(message: impl Into<String>) -> Refusal {
        let message = message.into();
        let violation = json!([{ "description": message }]);
        Refusal::invalid(message).with(
            json!([{ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violation }]),
        )
    }

    /// 400 for a field mask that names this path.
    pub(super) fn mask(path: &str) -> Refusal {
        let why =
            format!("Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'.");
        let violation = json!([{ "field": path, "description": why }]);
        Refusal::invalid("Request contains an invalid argument.").with(
            json!([{ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violation }]),
        )
    }

    pub(super) fn not_found() -> Refusal {
        Refusal::new(404, "NOT_FOUND", "Requested entity was not found.")
    }

    pub(super) fn no_permission() -> Refusal {
        Refusal::new(403, "PERMISSION_DENIED", "The caller does not have permission")
    }

    pub(super) fn unauthenticated() -> Refusal {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie \
                       or other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        Refusal::new(401, "UNAUTHENTICATED", message).with(json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_EXPIRED",
            "domain": "googleapis.com",
            "metadata": { "service": "sheets.googleapis.com" },
        }]))
    }

    pub(super) fn narrow_scope() -> Refusal {
        let message = "Request had insufficient authentication scopes.";
        Refusal::new(403, "PERMISSION_DENIED", message).with(json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": { "service": "sheets.googleapis.com" },
        }]))
    }

    pub(super) fn disabled() -> Refusal {
        let url =
            "https://console.developers.google.com/apis/api/sheets.googleapis.com/overview?project=1234";
        let message = format!(
            "Google Sheets API has not been used in project 1234 before or it is disabled. Enable it by visiting \
             {url} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to \
             our systems and retry."
        );
        Refusal::new(403, "PERMISSION_DENIED", message).with(json!([
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{ "description": "Google developers console API activation", "url": url }],
            },
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": { "service": "sheets.googleapis.com", "consumer": "projects/1234" },
            },
        ]))
    }

    /// 429 for calls of this kind, `Read` or `Write`.
    pub(super) fn too_many(kind: &str) -> Refusal {
        let message = format!(
            "Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per user' of \
             service 'sheets.googleapis.com' for consumer 'project_number:1234'."
        );
        Refusal::new(429, "RESOURCE_EXHAUSTED", message).with(json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": "sheets.googleapis.com",
                "consumer": "projects/1234",
                "quota_limit": format!("{kind}RequestsPerMinutePerUser"),
                "quota_limit_value": "60",
            },
        }]))
    }

    /// 403 for too many calls, as projects of old get it.
    pub(super) fn old_limit() -> Refusal {
        let errors = json!([{ "domain": "usageLimits", "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded" }]);
        let refusal = Refusal::new(403, "PERMISSION_DENIED", "Rate Limit Exceeded");
        Refusal { errors: Some(errors), ..refusal }
    }

    pub(super) fn aborted() -> Refusal {
        Refusal::new(409, "ABORTED", "The operation was aborted.")
    }

    pub(super) fn unavailable() -> Refusal {
        Refusal::new(503, "UNAVAILABLE", "The service is currently unavailable.")
    }

    pub(super) fn internal() -> Refusal {
        Refusal::new(500, "INTERNAL", "Internal error encountered.")
    }

    /// The answer's body.
    pub(super) fn body(&self) -> String {
        let mut error = json!({ "code": self.code, "message": self.message, "status": self.status });
        if let Some(details) = &self.details {
            error["details"] = details.clone();
        }
        if let Some(errors) = &self.errors {
            error["errors"] = errors.clone();
        }
        json!({ "error": error }).to_string()
    }

    /// The sentence alone.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}
