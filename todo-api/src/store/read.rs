//! The reads of either database, gathered while they wait for a connection.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::gather::{Gather, Group, Role};
use super::pool::{Connect, Limits, Pool, Usage};
use super::run::{Repeat, run_on};
use super::statement::{Get, GetMany, Page, Statement};
use super::{PageEnd, StoreError};

#[derive(Debug)]
pub(super) struct Reader<M: Connect> {
    pool: Arc<Pool<M>>,
    /// Requests for the same page share its text.
    pages: Gather<Page, (), (Bytes, PageEnd)>,
    /// Requests for single todos share a statement.
    gets: Gather<(), i64, Option<Bytes>>,
    /// Single todos get half of the connections at most: fewer, larger groups cost both sides less than many small
    /// ones, and other statements find a connection beside them.
    lanes: Semaphore,
}

impl<M: Connect> Reader<M>
where
    Page: Statement<M::Connection, Output = (Vec<u8>, PageEnd)>,
    Get: Statement<M::Connection, Output = Option<Bytes>>,
    GetMany: Statement<M::Connection, Output = Vec<(i64, Bytes)>>,
{
    pub(super) fn new(pool: Arc<Pool<M>>) -> Self {
        let Limits { size, waiters, .. } = pool.limits();
        let lanes = Semaphore::new(size.div_ceil(2));
        Self { pool, pages: Gather::new(waiters), gets: Gather::new(waiters), lanes }
    }

    pub(super) async fn page(&self, page: &Page) -> Result<(Bytes, PageEnd), StoreError> {
        loop {
            let leader = match self.pages.enter(*page, ())? {
                Role::Leader(leader) => leader,
                Role::Member(outcome) => match outcome.await {
                    Ok(outcome) => return outcome,
                    Err(_) => continue,
                },
            };
            let lease = match self.pool.acquire().await {
                Ok(lease) => lease,
                Err(error) => return Err(failed(leader.seal(), error)),
            };
            let group = leader.seal();
            return match run_on(lease, &self.pool, Repeat::Safe, page).await {
                Ok((text, end)) => {
                    let text = Bytes::from(text);
                    group.answer(|()| (text.clone(), end));
                    Ok((text, end))
                }
                Err(error) => Err(failed(group, error)),
            };
        }
    }

    pub(super) async fn get(&self, id: i64) -> Result<Option<Bytes>, StoreError> {
        loop {
            let leader = match self.gets.enter((), id)? {
                Role::Leader(leader) => leader,
                Role::Member(outcome) => match outcome.await {
                    Ok(outcome) => return outcome,
                    Err(_) => continue,
                },
            };
            let Ok(_lane) = timeout(self.pool.limits().wait, self.lanes.acquire()).await else {
                return Err(failed(leader.seal(), StoreError::Busy));
            };
            let lease = match self.pool.acquire().await {
                Ok(lease) => lease,
                Err(error) => return Err(failed(leader.seal(), error)),
            };
            let group = leader.seal();
            if group.is_empty() {
                return run_on(lease, &self.pool, Repeat::Safe, &Get(id)).await;
            }
            let ids = group.items().copied().chain([id]).collect();
            return match run_on(lease, &self.pool, Repeat::Safe, &GetMany(ids)).await {
                Ok(mut found) => {
                    found.sort_unstable_by_key(|(id, _)| *id);
                    let pick = |id: &i64| {
                        found.binary_search_by_key(id, |(id, _)| *id).ok().map(|at| found[at].1.clone())
                    };
                    group.answer(pick);
                    Ok(pick(&id))
                }
                Err(error) => Err(failed(group, error)),
            };
        }
    }

    pub(super) fn usage(&self) -> Usage {
        let mut usage = self.pool.usage();
        usage.waiting += self.pages.waiting() + self.gets.waiting();
        usage
    }
}

fn failed<T, V>(group: Group<T, V>, error: StoreError) -> StoreError {
    group.fail(&error);
    error
}
