//! Faults on the wire: what goes wrong between caller and tenant, and at which request.

use std::time::{Duration, SystemTime};

use super::answer::{Answer, Format, Refusal};

use Effect::{Cut, CutUpload, Garbage, Hang, Page, Rewritten, SlowBody, Truncated};

/// A fault and the requests that it hits.
#[derive(Debug, Clone)]
pub struct Fault {
    pub name: String,
    pub effect: Effect,
    pub moment: Moment,
    /// The method of the requests that it hits, `*` for any.
    method: String,
    /// What their decoded target contains.
    part: String,
    /// Which one of them, counted from 1; `None` for all.
    nth: Option<usize>,
}

/// What the caller notices.
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    /// The connection ends without an answer.
    Cut,
    /// The connection is reset while the body is on its way.
    CutUpload,
    /// A gateway in front of the tenant answers.
    Page(fn(SystemTime) -> Answer),
    /// The answer ends before its announced length.
    Truncated,
    /// No answer ever comes.
    Hang,
    /// The answer comes in drops.
    SlowBody,
    /// The tenant's answer, written otherwise.
    Rewritten(fn(&Answer) -> Answer),
    /// Bytes that are not HTTP.
    Garbage,
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

/// The kinds, for help texts. Each can take `-after` where that makes sense.
#[rustfmt::skip]
pub const KINDS: &[(&str, Effect)] = &[
    ("cut", Cut),
    ("cut-before", Cut),
    ("cut-upload", CutUpload),
    ("429", Page(|now| too_many_requests(RetryAfter::Seconds, now))),
    ("429-date", Page(|now| too_many_requests(RetryAfter::Date, now))),
    ("429-bare", Page(|now| too_many_requests(RetryAfter::Unsaid, now))),
    ("500-empty", Page(|_| Answer::empty(500))),
    ("500-session", Page(|_| Refusal::new(500, BROKEN_SESSION).render(Format::Json))),
    ("502", Page(|_| Answer::html(502, "<html><body><h1>502 Bad Gateway</h1></body></html>"))),
    ("503", Page(|_| Answer::html(503, "<html><body><h1>503 Service Unavailable</h1></body></html>"))),
    ("504", Page(|_| Answer::html(504, "<html><body><h1>504 Gateway Time-out</h1></body></html>"))),
    ("404-api", Page(|_| Refusal::new(404, "Package ID Orders does not exist.").render(Format::Json))),
    ("404-page", Page(|_| route_not_found())),
    ("200-page", Page(|_| Answer::html(200, MAINTENANCE))),
    ("401", Page(|_| unauthorized())),
    ("403", Page(|_| Answer::empty(403))),
    ("truncated", Truncated),
    ("hang", Hang),
    ("slow-body", SlowBody),
    ("garbage", Garbage),
    ("redirect", Page(|_| Answer::empty(302).with("Location", "http://127.0.0.1:9/saml2/idp/sso"))),
    ("html-login", Page(|_| Answer::html(200, LOGIN))),
    // a byte order mark stands before it
    ("bom", Rewritten(|answer| answer.rewritten([b"\xef\xbb\xbf", answer.body.as_slice()].concat()))),
    // the last byte is missing, and the length says so: all that it tells is there, and it is no JSON
    ("unclosed", Rewritten(|answer| answer.rewritten(answer.body[..answer.body.len().saturating_sub(1)].to_vec()))),
    // names begin with half a character
    ("half-character", Rewritten(|answer| answer.rewritten(answer.text_body().replace("\"Name\":\"", "\"Name\":\"\\ud83d").into()))),
    // a plain text, under a status that says no
    ("400-text", Rewritten(|answer| Answer::text(400, answer.text_body()))),
];

impl Fault {
    /// Reads `KIND@METHOD:PATHPART[#N]` or `KIND@N`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, place) = text.split_once('@')?;
        let (method, part, nth) = match place.split_once(':') {
            None => ("*", "", Some(positive(place)?)),
            Some((method, rest)) => match rest.rsplit_once('#') {
                Some((part, nth)) => (method, part, Some(positive(nth)?)),
                None => (method, rest, None),
            },
        };
        let kind = name.strip_suffix("-after");
        let kind_name = kind.unwrap_or(name);
        let (_, effect) = *KINDS.iter().find(|(known, _)| *known == kind_name)?;
        let done_by_nature = matches!(effect, Truncated | SlowBody | Rewritten(_));
        let moment = if kind.is_some() || done_by_nature {
            Moment::After
        } else {
            Moment::Before
        };
        Some(Self {
            name: name.to_owned(),
            effect,
            moment,
            method: method.to_ascii_uppercase(),
            part: part.to_owned(),
            nth,
        })
    }

    /// Whether this fault hits a request; `matched` counts those that it could have hit so far.
    pub fn hits(&self, method: &str, decoded: &str, matched: &mut usize) -> bool {
        let is_of_method = self.method == "*" || self.method == method;
        let fits = is_of_method && decoded.contains(&self.part);
        *matched += usize::from(fits);
        fits && self.nth.is_none_or(|nth| nth == *matched)
    }
}

/// A number from 1 on.
pub fn positive(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0)
}

/// FlashPipe's users see this for a while, and then no more.
const BROKEN_SESSION: &str = "Cannot invoke \"javax.servlet.http.HttpSession.getAttribute(String)\" because \"session\" is null";
const MAINTENANCE: &str =
    "<html><head><title>Maintenance</title></head><body>We will be back soon.</body></html>";
const LOGIN: &str =
    "<html><head><title>Log On</title></head><body><form action=\"/login\"></form></body></html>";

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
pub fn too_many_requests(retry: RetryAfter, now: SystemTime) -> Answer {
    let answer = Answer::text(429, "Too many requests. Server's rate limit exceeded.");
    match retry {
        RetryAfter::Unsaid => answer,
        RetryAfter::Seconds => answer.with("Retry-After", "1"),
        RetryAfter::Date => {
            let date = httpdate::fmt_http_date(now + Duration::from_secs(1));
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
        assert!(matches!((third.effect, third.moment), (Cut, Moment::After)));
        assert!(third.hits("GET", "/x", &mut 2) && !third.hits("GET", "/x", &mut 3));

        let second_put = Fault::parse("502@PUT:Configurations('a#b')#2").unwrap();
        let mut matched = 0;
        let hits =
            [1, 2, 3].map(|_| second_put.hits("PUT", "/Configurations('a#b')", &mut matched));
        assert_eq!(hits, [false, true, false]);
        let any = Fault::parse("hang@*:Status").unwrap();
        assert!(any.hits("GET", "/BuildAndDeployStatus(..)", &mut 0));
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
            assert!(Fault::parse(text).is_none(), "{text}");
        }
    }
}
