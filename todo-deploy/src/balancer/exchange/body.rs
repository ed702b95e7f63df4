//! What is left of a body.

use crate::balancer::http::chunked::Decoder;
use crate::balancer::http::{Framing, Reject};

#[derive(Debug, Clone)]
pub(super) enum Rest {
    /// Bytes still to come; 0 is the end.
    Length(u64),
    Chunked(Decoder),
    /// All that comes before the connection ends.
    Close,
}

impl Rest {
    pub(super) fn of(framing: Framing) -> Self {
        match framing {
            Framing::None => Self::Length(0),
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Decoder::default()),
            Framing::Close => Self::Close,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(decoder) => decoder.is_done(),
            Self::Close => false,
        }
    }

    /// How many of the next bytes belong to the body.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Reject> {
        match self {
            Self::Length(left) => {
                let count = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                Ok(count)
            }
            Self::Chunked(decoder) => decoder.pass(bytes),
            Self::Close => Ok(bytes.len()),
        }
    }
}
