//! What the balancer of a run is to do: as the deployment says, at addresses of this machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::balancer::Settings;
use crate::balancer::settings::{AccessLog, ListenerKind};
use crate::deployment::Deployment;
use crate::local::rundir::RunDir;
use crate::local::wanted::Wanted;

/// Ports below this need privileges.
const UNPRIVILEGED: u16 = 1024;
/// What such a port becomes: 443 is 8443.
const RAISED_BY: u16 = 8000;

pub(super) fn settings(wanted: &Wanted, deployment: &Deployment, dir: &RunDir) -> Settings {
    let mut settings = Settings::of(deployment, wanted.speed);
    let asked: Vec<u16> = deployment.load_balancer.listeners.iter().map(|listener| listener.port).collect();
    let ports = ports(&asked, wanted.listen.port());
    for (listener, asked) in settings.listeners.iter_mut().zip(&asked) {
        listener.address = SocketAddr::new(wanted.listen.ip(), ports[asked]);
        if let ListenerKind::Redirect(to) = &mut listener.kind {
            // Where the HTTPS listener is here. Which port the system will choose for 0, nobody knows yet.
            *to = ports.get(to).copied().filter(|port| *port != 0).unwrap_or(*to);
        }
    }
    settings.retries = wanted.retries;
    if wanted.access_log {
        settings.access_log = AccessLog::File(dir.log_of("access"));
    }
    settings
}

/// Where each of a deployment's ports, which differ, is on this machine: the first one where `--listen` says, the
/// others where they are, or 8000 above that where they need privileges, or at the next port that is not taken yet.
fn ports(asked: &[u16], listen: u16) -> BTreeMap<u16, u16> {
    let mut ports = BTreeMap::new();
    for (index, &port) in asked.iter().enumerate() {
        let wished = match index {
            0 => listen,
            _ if port < UNPRIVILEGED => port + RAISED_BY,
            _ => port,
        };
        let mut here = wished;
        while index > 0 && ports.values().any(|taken| *taken == here) {
            here = here.checked_add(1).unwrap_or(UNPRIVILEGED);
        }
        ports.insert(port, here);
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balancer::settings::{Certificate, Listener};
    use crate::deployment::{Defaults, Target};
    use crate::local::{CpuLimit, Environment, Runs};

    /// The listeners of a deployment with these, behind `--listen 127.0.0.1:PORT`.
    fn listeners(listeners: &str, port: u16) -> Vec<Listener> {
        let text = format!("load_balancer.listener = [{listeners}]");
        let deployment = Deployment::parse(&text, "t", Defaults::of(Target::Local)).unwrap();
        let wanted = Wanted {
            deployment: text,
            like: Target::Local,
            speed: 1.0,
            listen: SocketAddr::from(([127, 0, 0, 1], port)),
            dashboard: None,
            runs: Runs::Program { path: "x".into(), arguments: Vec::new() },
            environment: Environment::default(),
            seed_todos: 0,
            cpu_limit: CpuLimit::None,
            stop_timeout: std::time::Duration::from_secs(1),
            access_log: false,
            retries: 1,
        };
        let place = tempfile::tempdir().unwrap();
        let dir = RunDir::of("t", Some(place.path())).unwrap();
        settings(&wanted, &deployment, &dir).listeners
    }

    fn at(port: u16, kind: ListenerKind) -> Listener {
        Listener { address: SocketAddr::from(([127, 0, 0, 1], port)), kind }
    }

    const HTTPS: ListenerKind = ListenerKind::Https(Certificate::Generated);

    #[test]
    fn a_redirect_leads_to_where_https_is_here() {
        let both =
            "{ port = 80, protocol = \"http\", redirect_to = 443 }, { port = 443, protocol = \"https\" }";
        assert_eq!(listeners(both, 8080), [at(8080, ListenerKind::Redirect(8443)), at(8443, HTTPS)]);
        let turned =
            "{ port = 443, protocol = \"https\" }, { port = 80, protocol = \"http\", redirect_to = 443 }";
        assert_eq!(listeners(turned, 9000), [at(9000, HTTPS), at(8080, ListenerKind::Redirect(9000))]);
    }

    #[test]
    fn no_two_listeners_are_at_one_port() {
        let turned =
            "{ port = 443, protocol = \"https\" }, { port = 80, protocol = \"http\", redirect_to = 443 }";
        assert_eq!(listeners(turned, 8080), [at(8080, HTTPS), at(8081, ListenerKind::Redirect(8080))]);
        let three = "{ port = 81, protocol = \"http\" }, { port = 80, protocol = \"http\" }, { port = 8081, protocol = \"http\" }";
        assert_eq!(
            listeners(three, 8080),
            [8080, 8081, 8082].map(|port| at(port, ListenerKind::Http)),
            "the second goes where the third would be"
        );
    }
}
