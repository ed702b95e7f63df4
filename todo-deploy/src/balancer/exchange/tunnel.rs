//! After a 101: the connection belongs to whatever the two agreed to speak.

use tokio::net::TcpStream;

use super::plan::Plan;
use super::transfer::Finished;
use super::{Connection, Next, record};
use crate::balancer::fleet::Lease;
use crate::balancer::pipe::Pipe;

pub(super) async fn run(
    connection: &mut Connection,
    plan: &mut Plan,
    finished: Finished,
    mut upstream: TcpStream,
    lease: Lease,
) -> Next {
    let mut early = finished.early;
    let pipe = Pipe {
        client: &mut connection.stream,
        upstream: &mut upstream,
        up: &mut connection.input,
        down: &mut early,
        buffers: &connection.worker.buffers,
    };
    let idle = connection.settings.timeouts.idle;
    let (up, down, clean) = pipe.run(&mut connection.timer, &lease.target, idle).await;
    plan.received += up;
    plan.noted.sent += down;
    record::finished(connection, plan, finished.status, Some(&lease.target), "");
    if clean { Next::Close } else { Next::Cut }
}
