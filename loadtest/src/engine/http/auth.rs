//! The rounds of digest and NTLM authentication: what a hop sends in `Authorization`, and what is expected of its answer.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use loadtest_js::{AuthScheme, HttpRequest};

use super::Current;
use crate::engine::digest;
use crate::engine::ntlm::{self, Login};
use crate::engine::shared::Shared;
use crate::net::{Hop, Reply};

/// What a hop says of who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Authorization {
    /// What script and URL say.
    Usual,
    /// Nothing, whatever they say.
    Nothing,
    /// The answer to a challenge.
    Answer(String),
}

/// How far the rounds at one address are.
#[derive(Debug)]
enum Round {
    /// Nothing is known yet.
    First,
    /// The first message of NTLM was sent, by that scheme, and this was the answer before.
    Negotiating { original: Box<Hop> },
    /// The last message was sent. Of NTLM with the first answer.
    Answered { original: Option<Box<Hop>> },
}

/// The authentication of a request and of what it is redirected to.
#[derive(Debug)]
pub(super) struct Rounds {
    scheme: Option<AuthScheme>,
    round: Round,
    /// No answer has been seen yet.
    is_first: bool,
}

impl Rounds {
    pub(super) fn new(request: &HttpRequest) -> Self {
        let scheme =
            request.auth.as_ref().map(|auth| auth.scheme).filter(|scheme| *scheme != AuthScheme::Basic);
        Self { scheme, round: Round::First, is_first: true }
    }

    /// What the first round of a hop says.
    pub(super) fn opening(&self) -> Authorization {
        if self.scheme == Some(AuthScheme::Ntlm) { Authorization::Nothing } else { Authorization::Usual }
    }

    /// Whether this is a further round of the same hop, which sends the cookies of the first.
    pub(super) fn is_further(&self) -> bool {
        !matches!(self.round, Round::First)
    }

    /// Whether the script sees the answer in `response.request`: as in k6, that of digest where the URL names nobody.
    pub(super) fn shows_answer(&self, current: &Current<'_>) -> bool {
        self.scheme == Some(AuthScheme::Digest) && self.is_further() && current.target.address.user.is_none()
    }

    /// Whether an answer is an expected one; `usually` says what the script thinks of its status. Of the very first answer
    /// k6 expects that it is a challenge, or with NTLM that it may be one.
    pub(super) fn expects(&mut self, reply: Option<&Reply>, usually: Option<bool>) -> Option<bool> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let is_refusal = reply.is_some_and(|reply| reply.status == 401);
        match self.scheme.filter(|_| is_first) {
            // What nothing is answered to is no round of digest. (k6 answers something.)
            Some(AuthScheme::Digest) if is_refusal && !reply.is_some_and(digest::is_challenge) => usually,
            Some(AuthScheme::Digest) => usually.map(|_| is_refusal),
            Some(AuthScheme::Ntlm) => usually.map(|fine| fine || is_refusal),
            _ => usually,
        }
    }

    /// What to answer to the hop in a further round; none: it is the last one.
    pub(super) fn answer(
        &mut self,
        shared: &Shared,
        current: &Current<'_>,
        hop: &mut Hop,
    ) -> Option<Authorization> {
        let Ok(reply) = &hop.result else { return None };
        if reply.status != 401 {
            return None;
        }
        match (self.scheme?, &mut self.round) {
            (AuthScheme::Digest, Round::First) => {
                let answer = digest_answer(shared, current, reply)?;
                self.round = Round::Answered { original: None };
                Some(Authorization::Answer(answer))
            }
            (AuthScheme::Ntlm, Round::First) => {
                credentials(current)?;
                let (scheme, _) = challenge(reply)?;
                let message = BASE64_STANDARD.encode(ntlm::negotiate());
                let answer = format!("{scheme} {message}");
                self.round = Round::Negotiating { original: Box::new(taken(hop)) };
                Some(Authorization::Answer(answer))
            }
            (AuthScheme::Ntlm, Round::Negotiating { original }) => {
                let answer = ntlm_answer(shared, current, reply);
                let original = std::mem::replace(&mut **original, taken(hop));
                match answer {
                    Some(answer) => {
                        self.round = Round::Answered { original: Some(Box::new(original)) };
                        Some(Authorization::Answer(answer))
                    }
                    None => {
                        *hop = original;
                        self.round = Round::Answered { original: None };
                        None
                    }
                }
            }
            _ => None,
        }
    }

    /// Of NTLM, what is given to the script where a further round has failed: the first answer.
    pub(super) fn fall_back(&mut self) -> Option<Hop> {
        match std::mem::replace(&mut self.round, Round::Answered { original: None }) {
            Round::Negotiating { original } | Round::Answered { original: Some(original) } => Some(*original),
            Round::First | Round::Answered { original: None } => None,
        }
    }

    /// The next hop leads elsewhere.
    pub(super) fn redirected(&mut self) {
        self.round = Round::First;
    }
}

/// A hop moved out; what stays is not looked at any more.
fn taken(hop: &mut Hop) -> Hop {
    std::mem::replace(hop, Hop::failed(crate::net::NetError::eof()))
}

/// The header that answers a digest challenge.
fn digest_answer(shared: &Shared, current: &Current<'_>, reply: &Reply) -> Option<String> {
    let challenge = digest::challenge(reply)?;
    // The client's nonce only has to differ between requests.
    let nonce = format!("{:016x}", shared.clock.now_ns() ^ u64::from(std::process::id()) << 32);
    let user = current.target.address.user.as_ref();
    let who = user.map_or(("", ""), |(user, password)| (user.as_str(), password.as_deref().unwrap_or("")));
    digest::authorization(challenge, who, &current.method, &current.target.path, &nonce)
}

/// The header with NTLM's third message.
fn ntlm_answer(shared: &Shared, current: &Current<'_>, reply: &Reply) -> Option<String> {
    let (scheme, message) = challenge(reply)?;
    let message = BASE64_STANDARD.decode(message).ok()?;
    let (user, password) = credentials(current)?;
    let now = shared.clock.start_unix + shared.clock.elapsed();
    let unix_100ns = u64::try_from(now.as_nanos() / 100).ok()?;
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).ok()?;
    let login = Login { user: &user, password: &password };
    let answer = ntlm::authenticate(&message, login, nonce, unix_100ns).ok()?;
    Some(format!("{scheme} {}", BASE64_STANDARD.encode(answer)))
}

/// Scheme and message of a challenge, `NTLM` before `Negotiate`.
fn challenge(reply: &Reply) -> Option<(&'static str, &str)> {
    let of = |scheme: &'static str| {
        let values = reply.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"));
        let message = |value: &'_ str| -> Option<usize> {
            let rest = value.strip_prefix(scheme)?;
            (rest.is_empty() || rest.starts_with(' ')).then_some(value.len() - rest.len())
        };
        values.filter_map(|(_, value)| message(value).map(|at| (scheme, value[at..].trim()))).next()
    };
    of("NTLM").or_else(|| of("Negotiate"))
}

/// Who asks: as the script's own header of basic authentication says, else the URL.
fn credentials(current: &Current<'_>) -> Option<(String, String)> {
    let own = current.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if let Some((_, value)) = own {
        let text = String::from_utf8(BASE64_STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        return Some((user.to_owned(), password.to_owned()));
    }
    let (user, password) = current.target.address.user.as_ref()?;
    Some((user.clone(), password.clone().unwrap_or_default()))
}
