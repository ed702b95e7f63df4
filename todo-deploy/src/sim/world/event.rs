//! What can be queued, packed into the queue's 64-bit payload.

/// The order in which events of the same instant happen: a period ends before anything of the next one
/// happens, a load ends before one of its users starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Sample,
    InstanceRuns,
    InstanceAnswers,
    CreditCheck,
    Fault,
    FaultEnds,
    SlowStart,
    Probe,
    ProbeLate,
    LoadEnds,
    LoadCut,
    LoadStep,
    Arrival,
    UserCut,
    LookForLate,
    Answer,
    Connect,
    Send,
    Wake,
}

impl Kind {
    const ALL: [Self; 19] = [
        Self::Sample,
        Self::InstanceRuns,
        Self::InstanceAnswers,
        Self::CreditCheck,
        Self::Fault,
        Self::FaultEnds,
        Self::SlowStart,
        Self::Probe,
        Self::ProbeLate,
        Self::LoadEnds,
        Self::LoadCut,
        Self::LoadStep,
        Self::Arrival,
        Self::UserCut,
        Self::LookForLate,
        Self::Answer,
        Self::Connect,
        Self::Send,
        Self::Wake,
    ];
}

impl Kind {
    pub(super) const fn is_of_a_user(self) -> bool {
        matches!(self, Self::Answer | Self::Connect | Self::Send | Self::Wake)
    }
}

/// Something that happens to the user, instance or load with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) id: u32,
    /// A user's events count only while the user is still in the epoch in which they were queued.
    pub(super) epoch: u32,
}

/// Epochs count modulo 2^24: by the time one comes round again, no event of its namesake is pending.
pub(super) const EPOCHS: u32 = 1 << 24;

impl Event {
    /// Kind, then id, then epoch, from the highest bits down: the order of events of the same instant.
    pub(super) const fn payload(self) -> u64 {
        (self.kind as u64) << 56 | (self.id as u64) << 24 | self.epoch as u64
    }

    pub(super) const fn from_payload(payload: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the fields have these widths")]
        let (id, epoch) = ((payload >> 24) as u32, payload as u32 & (EPOCHS - 1));
        Self { kind: Kind::ALL[(payload >> 56) as usize], id, epoch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_read_back() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            let event = Event { kind, id: u32::MAX - 7, epoch: EPOCHS - 1 };
            assert_eq!(Event::from_payload(event.payload()), event);
        }
    }
}
