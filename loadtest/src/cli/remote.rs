//! Modules that a script imports from the net, read before the test.

use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use loadtest_js::Remote;
use url::Url;

use crate::net::client::{Client, Wire};
use crate::net::connect::Network;
use crate::net::dns::{DnsOptions, Resolver};
use crate::net::proxy::Proxies;
use crate::net::tls::{TlsConfigs, TlsOptions};
use crate::net::{Origin, Reply, Want, h1};

/// How long one module may take, as in k6.
const TIMEOUT: Duration = Duration::from_secs(60);
const REDIRECTS_MAX: usize = 10;
/// Bytes of one module.
const MODULE_MAX: usize = 32 << 20;

/// Reads modules over HTTPS, through the proxies of the environment. The script's own options (`hosts`,
/// `insecureSkipTLSVerify` and the like) do not count, since only its modules tell them.
#[derive(Default)]
pub(super) struct Download {
    network: OnceLock<Result<Arc<Network>, String>>,
}

impl Download {
    fn network(&self) -> Result<Arc<Network>, String> {
        let make = || {
            Ok(Arc::new(Network {
                resolver: Resolver::new(DnsOptions::default()),
                tls: TlsConfigs::new(&TlsOptions::default())?,
                rate: None,
                proxies: Proxies::from_environment(|name| std::env::var(name).ok())?,
            }))
        };
        self.network.get_or_init(make).clone()
    }
}

impl Remote for Download {
    fn fetch(&self, url: &Url) -> Result<String, String> {
        let client = Client::new(self.network()?, true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let reply = tokio::task::LocalSet::new().block_on(&runtime, get(&client, &url))?;
            match (reply.status, reply.header("location")) {
                (200, _) if reply.body.len() > MODULE_MAX => {
                    return Err(format!("it has more than {MODULE_MAX} bytes, which is the limit"));
                }
                (200, _) => {
                    return String::from_utf8(reply.body).map_err(|_| "it is no text in UTF-8".to_owned());
                }
                (301..=308, Some(location)) => {
                    url = url.join(location).map_err(|error| format!("redirected to {location}: {error}"))?;
                }
                (status, _) => return Err(format!("the server answered with status {status}")),
            }
        }
        Err(format!("more than {REDIRECTS_MAX} redirects"))
    }
}

async fn get(client: &Client, url: &Url) -> Result<Reply, String> {
    let origin = Origin::of(url).filter(|origin| origin.tls);
    let origin = Rc::new(origin.ok_or_else(|| format!("{url} is no https address"))?);
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let agent = format!("loadtest/{}", env!("CARGO_PKG_VERSION"));
    let headers = [("Host", origin.authority()), ("User-Agent", agent)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    let wire = Wire {
        origin: &origin,
        method: "GET",
        target,
        headers: &headers,
        head: None,
        body: &Bytes::new(),
        want: Want { headers: true, body: true, encoded_body: true },
        deadline: h1::now() + TIMEOUT,
    };
    client.hop(wire).await.result.map_err(|error| error.to_string())
}
