//! Scripts that are nothing more than a list of requests with constant parameters, checks and pauses can be run
//! without an interpreter, with the same results.
//!
//! Finding them is cautious, in three steps. The text has to have the one form that `outline` knows: straight
//! statements, constants only, checks that look at nothing but the response. Then the iteration is really run
//! twice, against answers that differ in all that a check can see, and has to make the very requests, checks and
//! pauses of the outline both times. Last, every check has to have come out in the interpreter as
//! [`NativeTest::holds`] says. Whatever differs anywhere is left to the interpreter.

use std::time::Duration;

use bytes::Bytes;

use crate::api::http::ResponseType;

mod outline;
mod probe;
mod tests_of;

pub(crate) use probe::classify;

/// One iteration as data; may be shared by threads.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeScenario {
    /// In order.
    pub steps: Vec<NativeStep>,
}

/// One thing that an iteration does.
#[derive(Debug, Clone, PartialEq)]
pub enum NativeStep {
    /// A request; the steps that follow know it by its number among the requests, from 0.
    Request(NativeRequest),
    /// A check of the answer to a request.
    Check {
        /// Which request.
        request: usize,
        /// The check's name.
        name: String,
        /// What has to hold.
        test: NativeTest,
        /// Tags of this check.
        tags: Vec<(String, String)>,
    },
    /// A pause.
    Sleep(Duration),
}

/// A request with constant parameters; the jar is the VU's, as always.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeRequest {
    /// See [`HttpRequest::method`](crate::HttpRequest::method), and so on for the others.
    pub method: String,
    /// As the script wrote it.
    pub url: String,
    /// The template of `http.url`.
    pub name: Option<String>,
    /// As the script wrote them.
    pub headers: Vec<(String, String)>,
    /// Encoded.
    pub body: Option<Bytes>,
    /// `None`: the option.
    pub redirects_max: Option<u32>,
    /// For all of it.
    pub timeout: Duration,
    /// What happens to the body.
    pub response_type: ResponseType,
    /// Of this request.
    pub tags: Vec<(String, String)>,
}

/// What a check asks of a response.
#[derive(Debug, Clone, PartialEq)]
pub enum NativeTest {
    /// Both, the second only if the first holds.
    And(Box<Self>, Box<Self>),
    /// Either, the second only if the first does not hold.
    Or(Box<Self>, Box<Self>),
    /// Not.
    Not(Box<Self>),
    /// A number against a number.
    Compare(NativeNumber, NativeOrder, f64),
    /// The body has this text in it. Throws without a body.
    BodyIncludes(String),
    /// There is a body and it is not empty.
    BodyTruthy,
}

/// A number of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeNumber {
    /// `status`
    Status,
    /// `error_code`
    ErrorCode,
    /// `body.length`, in UTF-16 units. Throws without a body.
    BodyLength,
    /// `timings.duration` in milliseconds.
    Duration,
    /// `timings.waiting` in milliseconds.
    Waiting,
}

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeOrder {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==` and `===`
    Equal,
    /// `!=` and `!==`
    NotEqual,
}

/// What a test can see of a response.
#[derive(Debug, Clone, Copy)]
pub struct NativeView<'a> {
    /// 0 without an answer.
    pub status: u16,
    /// 0 without an error.
    pub error_code: u16,
    /// `None` where the script would see `null`: no answer, or `responseType` is `none`.
    pub body: Option<&'a [u8]>,
    /// `http_req_duration`.
    pub duration: Duration,
    /// `http_req_waiting`.
    pub waiting: Duration,
}

impl NativeTest {
    /// Whether it holds.
    ///
    /// # Errors
    /// The exception's message where the script's function would throw: the check has failed, and the iteration
    /// ends with it.
    pub fn holds(&self, response: NativeView<'_>) -> Result<bool, &'static str> {
        Ok(match self {
            Self::And(left, right) => left.holds(response)? && right.holds(response)?,
            Self::Or(left, right) => left.holds(response)? || right.holds(response)?,
            Self::Not(test) => !test.holds(response)?,
            Self::Compare(number, order, bound) => order.holds(number.of(response)?, *bound),
            Self::BodyIncludes(text) => {
                let body = response.body.ok_or("TypeError: cannot read property 'includes' of null")?;
                String::from_utf8_lossy(body).contains(text.as_str())
            }
            Self::BodyTruthy => response.body.is_some_and(|body| !body.is_empty()),
        })
    }

    /// Whether it has to see the body, which otherwise need not be kept.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        match self {
            Self::And(left, right) | Self::Or(left, right) => left.reads_body() || right.reads_body(),
            Self::Not(test) => test.reads_body(),
            Self::Compare(number, ..) => *number == NativeNumber::BodyLength,
            Self::BodyIncludes(_) | Self::BodyTruthy => true,
        }
    }
}

impl NativeNumber {
    fn of(self, response: NativeView<'_>) -> Result<f64, &'static str> {
        Ok(match self {
            Self::Status => f64::from(response.status),
            Self::ErrorCode => f64::from(response.error_code),
            Self::BodyLength => {
                let body = response.body.ok_or("TypeError: cannot read property 'length' of null")?;
                let units = if body.is_ascii() {
                    body.len()
                } else {
                    String::from_utf8_lossy(body).encode_utf16().count()
                };
                #[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53")]
                let units = units as f64;
                units
            }
            Self::Duration => response.duration.as_secs_f64() * 1000.0,
            Self::Waiting => response.waiting.as_secs_f64() * 1000.0,
        })
    }
}

impl NativeOrder {
    #[expect(clippy::float_cmp, reason = "scripts compare so")]
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
        }
    }
}
