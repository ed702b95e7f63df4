//! Network mode: a TCP connection goes to the target that the hash of its addresses and ports names, whole.
//!
//! After the Network Load Balancer: a flow stays with its target; a target that leaves keeps its flows until its
//! deregistration delay is over.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::buffer::Input;
use super::clock::{self, Deadline};
use super::connect::{Unconnected, connect};
use super::entrance::Entrance;
use super::pipe::Pipe;
use super::stats::Tally;
use super::stream::Stream;
use super::worker::Worker;
use crate::pick::Choice;
use crate::pick::hash::hash_bytes;

pub(super) async fn serve(worker: Rc<Worker>, stream: TcpStream, peer: SocketAddr, entrance: Arc<Entrance>) {
    let started = clock::now();
    let settings = worker.settings();
    let flow = hash_bytes(format!("{peer} {}", entrance.name).as_bytes());
    let choice = Choice { hash: flow, draw: worker.draw(), sticky: None };
    let mut client = Stream::Plain(stream);
    let (mut left, mut failed) = (settings.retries, None);
    let (lease, mut upstream) = loop {
        let Some(lease) = worker.hub.fleet.pick(&choice, failed) else { return client.reset() };
        match connect(&worker, &lease).await {
            Ok(upstream) => break (lease, upstream),
            // Nothing was written: another one may have it.
            Err(Unconnected::Refused) if left > 0 => {
                left -= 1;
                failed = Some(lease.slot);
            }
            Err(_) => return client.reset(),
        }
    };
    let (mut up, mut down, mut timer) = (Input::default(), Input::default(), Deadline::new());
    let pipe = Pipe {
        client: &mut client,
        upstream: &mut upstream,
        up: &mut up,
        down: &mut down,
        buffers: &worker.buffers,
    };
    let (bytes_in, bytes_out, clean) = pipe.run(&mut timer, &lease.target, settings.timeouts.idle).await;
    let latency = clock::now().duration_since(started);
    let tally = Tally { status: 0, bytes_in, bytes_out, latency };
    worker.hub.total.of(worker.number).count(&tally);
    lease.target.counters.of(worker.number).count(&tally);
    if !clean {
        client.reset();
    }
}
