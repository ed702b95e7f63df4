//! A request's way to a target, and to another one when the first fails it.

use std::sync::atomic::Ordering;

use tokio::net::TcpStream;

use super::plan::Plan;
use super::transfer::{Failure, Finished, Transfer};
use super::{Connection, Next, record, tunnel};
use crate::balancer::clock;
use crate::balancer::connect::{Unconnected, connect};
use crate::balancer::fleet::Lease;
use crate::balancer::http::answer;

/// Where a request goes next.
enum Goes {
    /// To any target.
    Anywhere,
    /// To another than this, if there is one, else to this one again.
    Elsewhere(Lease),
    /// To the same: only its connection was stale, and the client belongs to it.
    Again(Lease),
}

impl Connection {
    pub(super) async fn attempts(&mut self, plan: &mut Plan) -> Next {
        let mut left = self.settings.retries;
        let mut goes = Goes::Anywhere;
        loop {
            // On a second try the connection is always a new one: what was idle may be as stale.
            let first = matches!(goes, Goes::Anywhere);
            let Some(lease) = self.choose(goes, plan) else {
                return self.answer(plan, 503, "NoTargets").await;
            };
            let id = lease.target.id;
            plan.head.sent = 0;
            let pooled = if first { self.worker.pool.take(id, !plan.idempotent) } else { None };
            let reused = pooled.is_some();
            let mut upstream = match pooled {
                Some(stream) => stream,
                None => match connect(&self.worker, &lease).await {
                    Ok(stream) => stream,
                    Err(why) => {
                        plan.noted.failed(&lease.target);
                        match why {
                            Unconnected::Ours => return self.answer(plan, 503, "NoResources").await,
                            Unconnected::TimedOut => return self.answer(plan, 504, "ConnectTimeout").await,
                            Unconnected::Refused if left == 0 => {
                                return self.answer(plan, 502, "ConnectRefused").await;
                            }
                            Unconnected::Refused => {}
                        }
                        left -= 1;
                        self.retried(&lease);
                        goes = Goes::Elsewhere(lease);
                        continue;
                    }
                },
            };
            let outcome = Transfer::run(self, plan, &mut upstream, &lease).await;
            match outcome {
                Ok(finished) => return self.finished(plan, finished, upstream, lease).await,
                Err(Failure::Lost { written }) => {
                    let harmless = (!written || plan.idempotent) && !plan.consumed;
                    let stale = reused && plan.choice.sticky == Some(lease.slot);
                    if !harmless || left == 0 {
                        plan.noted.failed(&lease.target);
                        return self.answer(plan, 502, "ConnectionLost").await;
                    }
                    left -= u32::from(!stale);
                    self.retried(&lease);
                    goes = if stale { Goes::Again(lease) } else { Goes::Elsewhere(lease) };
                }
                Err(failure) => return self.failed(plan, failure, &lease).await,
            }
        }
    }

    fn retried(&self, lease: &Lease) {
        lease.target.counters.retries.fetch_add(1, Ordering::Relaxed);
        self.worker.hub.total.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends the client to the same place by HTTPS.
    pub(super) async fn redirect(&mut self, plan: &mut Plan) -> Next {
        let location = std::mem::take(&mut plan.location);
        self.answer_with(plan, 301, "", &location).await
    }

    fn choose(&self, goes: Goes, plan: &Plan) -> Option<Lease> {
        let fleet = &self.worker.hub.fleet;
        match goes {
            Goes::Anywhere => fleet.pick(&plan.choice, None),
            Goes::Again(lease) => Some(lease),
            Goes::Elsewhere(lease) => fleet.pick(&plan.choice, Some(lease.slot)).or(Some(lease)),
        }
    }

    async fn finished(
        &mut self,
        plan: &mut Plan,
        finished: Finished,
        upstream: TcpStream,
        lease: Lease,
    ) -> Next {
        if finished.tunnel {
            return tunnel::run(self, plan, finished, upstream, lease).await;
        }
        let target = &lease.target;
        if finished.reusable && plan.ambiguous.is_none() && !target.is_leaving() {
            self.worker.pool.give(target.id, upstream, clock::now(), self.settings.limits.pool);
        }
        record::finished(self, plan, finished.status, Some(target), "");
        if finished.keeps { Next::Keep } else { Next::Close }
    }

    /// The exchange broke off.
    async fn failed(&mut self, plan: &mut Plan, failure: Failure, lease: &Lease) -> Next {
        plan.noted.failed(&lease.target);
        match failure {
            Failure::Answer(status, reason) => self.answer(plan, status, reason).await,
            Failure::Cut(status, reason) => {
                record::finished(self, plan, status, Some(&lease.target), reason);
                Next::Cut
            }
            Failure::ClientGone => {
                record::finished(self, plan, 460, Some(&lease.target), "ClientClosed");
                Next::Cut
            }
            Failure::Lost { .. } => self.answer(plan, 502, "ConnectionLost").await,
        }
    }

    /// Answers in a target's place. The connection goes on if the request was read to its end.
    async fn answer(&mut self, plan: &mut Plan, status: u16, reason: &'static str) -> Next {
        self.answer_with(plan, status, reason, b"").await
    }

    async fn answer_with(&mut self, plan: &mut Plan, status: u16, reason: &str, extra: &[u8]) -> Next {
        let whole = plan.rest.is_done() && (status >= 500 || status < 400);
        let keep = plan.keep_alive && whole && !self.worker.is_leaving();
        self.output.bytes.clear();
        self.output.sent = 0;
        answer::write(&mut self.output.bytes, status, plan.is_head, keep, extra);
        plan.noted.sent = self.output.bytes.len() as u64;
        let sent = self.send().await;
        record::finished(self, plan, status, None, reason);
        if sent && keep { Next::Keep } else { Next::Close }
    }
}
