//! Faults on the wire: what goes wrong between caller and tenant, and at which request.

use super::answer::{Answer, Format, Refusal};

/// A fault and the requests that it hits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub name: String,
    pub effect: Effect,
    pub moment: Moment,
    place: Place,
}

/// What the caller notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The connection ends without an answer.
    Cut,
    /// The connection is reset while the body is on its way.
    CutUpload,
    /// Something else than the tenant answers.
    Page(Page),
    /// The answer ends before its announced length.
    Truncated,
    /// No answer ever comes.
    Hang,
    /// The answer comes in drops.
    SlowBody,
    /// The tenant's answer, written otherwise.
    Rewritten(Rewrite),
    /// Bytes that are not HTTP.
    Garbage,
}

/// How an answer is written otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// A byte order mark stands before it.
    Marked,
    /// Its last byte is missing, and its length says so: all that it tells is there, and it is no JSON.
    Unclosed,
    /// Names begin with half a character.
    HalfCharacter,
    /// It is a plain text, under a status that says no.
    Refusing,
}

impl Rewrite {
    pub fn answer(self, answer: &Answer) -> Answer {
        let body = answer.body.as_slice();
        if body.starts_with(b"PK") {
            // a zip is none that is written as text
            return answer.clone();
        }
        let rewritten = match self {
            Rewrite::Marked => [b"\xef\xbb\xbf", body].concat(),
            Rewrite::Unclosed => body[..body.len().saturating_sub(1)].to_vec(),
            Rewrite::HalfCharacter => String::from_utf8_lossy(body)
                .replace("\"Name\":\"", "\"Name\":\"\\ud83d")
                .into_bytes(),
            Rewrite::Refusing => return Answer::text(400, String::from_utf8_lossy(body)),
        };
        Answer {
            body: std::sync::Arc::new(rewritten),
            ..answer.clone()
        }
    }
}

/// Answers that gateways give instead of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    TooManyRequests(RetryAfter),
    Empty500,
    BrokenSession,
    BadGateway,
    Unavailable,
    GatewayTimeout,
    RouteNotFound,
    Maintenance,
    Unauthorized,
    Forbidden,
    Redirect,
    Login,
}

/// How a 429 says when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    Unsaid,
    Seconds,
    Date,
}

/// Whether the tenant did the work before the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Nth(usize),
    Matching {
        method: String,
        part: String,
        nth: Option<usize>,
    },
}

/// The kinds, for help texts. Each can take `-after` where that makes sense.
pub const KINDS: &[(&str, Effect)] = &[
    ("cut", Effect::Cut),
    ("cut-before", Effect::Cut),
    ("cut-upload", Effect::CutUpload),
    (
        "429",
        Effect::Page(Page::TooManyRequests(RetryAfter::Seconds)),
    ),
    (
        "429-date",
        Effect::Page(Page::TooManyRequests(RetryAfter::Date)),
    ),
    (
        "429-bare",
        Effect::Page(Page::TooManyRequests(RetryAfter::Unsaid)),
    ),
    ("500-empty", Effect::Page(Page::Empty500)),
    ("500-session", Effect::Page(Page::BrokenSession)),
    ("502", Effect::Page(Page::BadGateway)),
    ("503", Effect::Page(Page::Unavailable)),
    ("504", Effect::Page(Page::GatewayTimeout)),
    ("404-page", Effect::Page(Page::RouteNotFound)),
    ("200-page", Effect::Page(Page::Maintenance)),
    ("401", Effect::Page(Page::Unauthorized)),
    ("403", Effect::Page(Page::Forbidden)),
    ("truncated", Effect::Truncated),
    ("hang", Effect::Hang),
    ("slow-body", Effect::SlowBody),
    ("garbage", Effect::Garbage),
    ("redirect", Effect::Page(Page::Redirect)),
    ("html-login", Effect::Page(Page::Login)),
    ("bom", Effect::Rewritten(Rewrite::Marked)),
    ("unclosed", Effect::Rewritten(Rewrite::Unclosed)),
    ("half-character", Effect::Rewritten(Rewrite::HalfCharacter)),
    ("400-text", Effect::Rewritten(Rewrite::Refusing)),
];

impl Fault {
    /// Reads `KIND@METHOD:PATHPART[#N]` or `KIND@N`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, place) = text.split_once('@')?;
        let kind = name.strip_suffix("-after");
        let effect = effect(kind.unwrap_or(name))?;
        let done_by_nature = matches!(
            effect,
            Effect::Truncated | Effect::SlowBody | Effect::Rewritten(_)
        );
        let moment = if kind.is_some() || done_by_nature {
            Moment::After
        } else {
            Moment::Before
        };
        Some(Self {
            name: name.to_owned(),
            effect,
            moment,
            place: place_of(place)?,
        })
    }

    /// Whether this fault hits a request; `matched` counts those that it could have hit so far.
    pub fn hits(&self, number: usize, method: &str, decoded: &str, matched: &mut usize) -> bool {
        match &self.place {
            Place::Nth(nth) => number == *nth,
            Place::Matching {
                method: wanted,
                part,
                nth,
            } => {
                let fits = (wanted == "*" || wanted == method) && decoded.contains(part.as_str());
                *matched += usize::from(fits);
                fits && nth.is_none_or(|nth| nth == *matched)
            }
        }
    }
}

fn effect(kind: &str) -> Option<Effect> {
    let (_, effect) = KINDS.iter().find(|(name, _)| *name == kind)?;
    Some(*effect)
}

/// A number from 1 on.
pub fn positive(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0)
}

fn place_of(text: &str) -> Option<Place> {
    let Some((method, rest)) = text.split_once(':') else {
        return positive(text).map(Place::Nth);
    };
    let (part, nth) = match rest.rsplit_once('#') {
        Some((part, nth)) => (part, Some(positive(nth)?)),
        None => (rest, None),
    };
    Some(Place::Matching {
        method: method.to_ascii_uppercase(),
        part: part.to_owned(),
        nth,
    })
}

/// FlashPipe's users see this for a while, and then no more.
const BROKEN_SESSION: &str = "Cannot invoke \"javax.servlet.http.HttpSession.getAttribute(String)\" because \"session\" is null";

impl Page {
    /// The answer, as a gateway in front of the tenant would word it.
    pub fn answer(self, now: std::time::SystemTime) -> Answer {
        match self {
            Page::TooManyRequests(retry) => too_many_requests(retry, now),
            Page::Empty500 => Answer::empty(500),
            Page::BrokenSession => Refusal::new(500, BROKEN_SESSION).render(Format::Json),
            Page::BadGateway => {
                Answer::html(502, "<html><body><h1>502 Bad Gateway</h1></body></html>")
            }
            Page::Unavailable => Answer::html(
                503,
                "<html><body><h1>503 Service Unavailable</h1></body></html>",
            ),
            Page::GatewayTimeout => Answer::html(
                504,
                "<html><body><h1>504 Gateway Time-out</h1></body></html>",
            ),
            Page::RouteNotFound => route_not_found(),
            Page::Maintenance => Answer::html(
                200,
                "<html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>",
            ),
            Page::Unauthorized => unauthorized(),
            Page::Forbidden => Answer::empty(403),
            Page::Redirect => {
                Answer::empty(302).with("Location", "http://127.0.0.1:9/saml2/idp/sso")
            }
            Page::Login => Answer::html(
                200,
                "<html><head><title>Log On</title></head><body><form action=\"/login\"></form></body></html>",
            ),
        }
    }
}

/// The answer to a missing or dead token: a page, not an `OData` error.
pub fn unauthorized() -> Answer {
    Answer::html(
        401,
        "<html><head><title>401 Unauthorized</title></head><body>Unauthorized</body></html>",
    )
    .with("WWW-Authenticate", "Bearer realm=\"cpi\"")
}

/// What the Cloud Foundry router says of a host or path that it does not know.
pub fn route_not_found() -> Answer {
    Answer::text(
        404,
        "404 Not Found: Requested route ('sandbox') does not exist.\n",
    )
    .with("X-Cf-Routererror", "unknown_route")
}

/// The rate limiter's answer.
pub fn too_many_requests(retry: RetryAfter, now: std::time::SystemTime) -> Answer {
    let answer = Answer::text(429, "Too many requests. Server's rate limit exceeded.");
    match retry {
        RetryAfter::Unsaid => answer,
        RetryAfter::Seconds => answer.with("Retry-After", "1"),
        RetryAfter::Date => {
            let date = httpdate::fmt_http_date(now + std::time::Duration::from_secs(1));
            answer.with("Retry-After", date)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_requests() {
        let third = Fault::parse("cut-after@3").unwrap();
        assert_eq!((third.effect, third.moment), (Effect::Cut, Moment::After));
        assert!(third.hits(3, "GET", "/x", &mut 0) && !third.hits(4, "GET", "/x", &mut 0));

        let second_put = Fault::parse("502@PUT:Configurations('a#b')#2").unwrap();
        let mut matched = 0;
        let hits =
            [1, 2, 3].map(|n| second_put.hits(n, "PUT", "/Configurations('a#b')", &mut matched));
        assert_eq!(hits, [false, true, false]);
        let any = Fault::parse("hang@*:Status").unwrap();
        assert!(any.hits(9, "GET", "/BuildAndDeployStatus(..)", &mut 0));
    }

    #[test]
    fn broken_faults_are_refused() {
        for text in [
            "",
            "502",
            "503@",
            "nonsense@1",
            "502@0",
            "502@GET:x#0",
            "502@GET",
        ] {
            assert_eq!(Fault::parse(text), None, "{text}");
        }
    }
}
