//! After a 101: bytes both ways, whatever they are, until one side ends or both are silent too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;

use super::plan::Plan;
use super::transfer::Finished;
use super::{Connection, Next, record};
use crate::balancer::buffer::Input;
use crate::balancer::clock;
use crate::balancer::fleet::Lease;
use crate::balancer::stream::poll_read;

pub(super) async fn run(
    connection: &mut Connection,
    plan: &mut Plan,
    finished: Finished,
    mut upstream: TcpStream,
    lease: Lease,
) -> Next {
    let mut down = finished.early;
    let (mut up_ended, mut down_ended) = (false, false);
    let mut last = clock::now();
    let mut moved = false;
    std::future::poll_fn(|cx| {
        loop {
            let step = step(connection, plan, &mut upstream, &mut down, (&mut up_ended, &mut down_ended), cx);
            match step {
                Ok(true) => moved = true,
                Ok(false) => break,
                Err(_) => return Poll::Ready(()),
            }
        }
        if up_ended && down_ended || lease.target.is_cut() || connection.worker.is_leaving() {
            return Poll::Ready(());
        }
        if std::mem::take(&mut moved) {
            last = clock::now();
        }
        connection.timer.poll_passed(cx, last + connection.settings.timeouts.idle)
    })
    .await;
    record::finished(connection, plan, finished.status, Some(&lease.target), "");
    Next::Close
}

/// Moves what can be moved in both directions; false when nothing could.
fn step(
    connection: &mut Connection,
    plan: &mut Plan,
    upstream: &mut TcpStream,
    down: &mut Input,
    (up_ended, down_ended): (&mut bool, &mut bool),
    cx: &mut Context<'_>,
) -> io::Result<bool> {
    let mut moved = false;
    if connection.input.is_empty() && !*up_ended {
        match connection.poll_watch(cx) {
            Poll::Pending => {}
            Poll::Ready(more) => {
                moved = true;
                *up_ended = !more?;
            }
        }
    }
    if !connection.input.is_empty() {
        if let Poll::Ready(count) = Pin::new(&mut *upstream).poll_write(cx, connection.input.data()) {
            let count = count?;
            plan.received += count as u64;
            connection.input.consume(count);
            moved = true;
        }
    } else if *up_ended {
        let _ = Pin::new(&mut *upstream).poll_shutdown(cx);
    }
    if down.is_empty() && !*down_ended {
        let buffers = &connection.worker.buffers;
        match poll_read(upstream, cx, down.room(buffers)) {
            Poll::Pending => down.rest(buffers),
            Poll::Ready(count) => {
                let count = count?;
                down.filled(count);
                *down_ended = count == 0;
                moved = true;
            }
        }
    }
    if !down.is_empty() {
        if let Poll::Ready(count) = connection.stream.poll_write(cx, down.data()) {
            let count = count?;
            plan.noted.sent += count as u64;
            down.consume(count);
            moved = true;
        }
    } else if *down_ended {
        let _ = connection.stream.poll_shutdown(cx);
    } else {
        let _ = connection.stream.poll_flush(cx);
    }
    Ok(moved)
}
