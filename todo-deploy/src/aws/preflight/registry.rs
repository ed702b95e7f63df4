//! Images outside of this region's ECR: their own registry is asked, as anybody may ask it, in the way of OCI's distribution
//! specification: the manifest, a token for anonymous pulling where one is wanted, and of an image for one processor its
//! configuration. Instances and tasks pull anonymously too, so that what we may not see they cannot run.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde::Deserialize;

use super::image::{MEDIA_TYPES, made_for};

/// For all questions about an image together.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of a manifest (the specification's own limit) or a configuration.
const BODY_MAX: usize = 4 << 20;
/// A configuration may lie elsewhere than its registry.
const REDIRECTS_MAX: usize = 3;

/// Whom to ask about images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Registry {
    /// Each image's own.
    #[default]
    Own,
    /// A mirror of it: `https://mirror.example.com`.
    Mirror(String),
    /// Nobody.
    Nobody,
}

impl FromStr for Registry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim_end_matches('/') {
            "none" => Ok(Self::Nobody),
            url if url.starts_with("https://") || url.starts_with("http://") => {
                Ok(Self::Mirror(url.to_owned()))
            }
            _ => Err(format!(
                "`{text}`: write the address of a mirror, such as https://mirror.example.com, or none"
            )),
        }
    }
}

/// What a registry says of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is there, for these processors; none where nobody says.
    For(BTreeSet<String>),
    Absent,
    /// It could not be told, and why.
    Unknown(String),
}

/// Asks about an image by its name, such as `ghcr.io/team/todo:1`.
pub(super) async fn ask(image: &str, registry: &Registry, attempt: Duration) -> Answer {
    let place = Place::of(image);
    let base = match registry {
        Registry::Nobody => return Answer::For(BTreeSet::new()),
        Registry::Mirror(url) => url.clone(),
        Registry::Own if place.is_local() => {
            let host = &place.host;
            return Answer::Unknown(format!("{host} is this machine, which AWS cannot reach"));
        }
        Registry::Own => format!("https://{}", place.host),
    };
    let patience = PATIENCE.min(attempt);
    let asked = tokio::time::timeout(patience, Client::new(patience).image(&base, &place)).await;
    match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => Answer::Unknown(format!("{}: {why}", place.host)),
        Err(_) => {
            Answer::Unknown(format!("{} did not answer within {} s", place.host, patience.as_secs_f64()))
        }
    }
}

/// Where an image is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    repository: String,
    /// A tag, or a digest.
    version: String,
}

impl Place {
    /// As the container engine reads a name: without a registry it is Docker Hub's.
    fn of(image: &str) -> Self {
        let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
        let (host, path) = match image.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path.to_owned()),
            Some(_) => ("docker.io", image.to_owned()),
            None => ("docker.io", format!("library/{image}")),
        };
        let host =
            if ["docker.io", "index.docker.io"].contains(&host) { "registry-1.docker.io" } else { host };
        let (name, version) = match path.split_once('@') {
            Some((name, digest)) => (name.split_once(':').map_or(name, |(name, _)| name), digest),
            None => path.split_once(':').unwrap_or((&path, "latest")),
        };
        Self { host: host.to_owned(), repository: name.to_owned(), version: version.to_owned() }
    }

    fn is_local(&self) -> bool {
        let name = self.host.rsplit_once(':').map_or(self.host.as_str(), |(name, _)| name);
        name == "localhost" || name == "[::1]" || name.starts_with("127.")
    }
}

#[derive(Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

/// Why it could not be told.
type Why = String;

#[derive(Debug)]
struct Client(Connector);

impl Client {
    fn new(patience: Duration) -> Self {
        let settings =
            HttpConnectorSettings::builder().connect_timeout(patience).read_timeout(patience).build();
        let connector = Connector::builder().connector_settings(settings);
        Self(connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build())
    }

    async fn image(&self, base: &str, place: &Place) -> Result<Answer, Why> {
        let Place { repository, version, .. } = place;
        let url = format!("{base}/v2/{repository}/manifests/{version}");
        let mut token = None;
        let mut answer = self.get(&url, None).await?;
        if answer.status().as_u16() == 401 {
            token = Some(self.token(&answer, base, repository).await?);
            answer = self.get(&url, token.as_deref()).await?;
        }
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(Answer::Absent),
            401 | 403 => return Err(CREDENTIALS.to_owned()),
            429 => return Err("it has answered too often today".to_owned()),
            status => return Err(format!("it answers {status}")),
        }
        let manifest = body(answer).await?;
        let found = made_for(&manifest);
        if !found.is_empty() {
            return Ok(Answer::For(found));
        }
        let config = serde_json::from_str::<Manifest>(&manifest).ok().and_then(|manifest| manifest.config);
        let Some(config) = config else { return Ok(Answer::For(found)) };
        let url = format!("{base}/v2/{repository}/blobs/{}", config.digest);
        // Without it the image is still there.
        let config = self.blob(url, token).await.unwrap_or_default();
        let config = serde_json::from_str::<Configuration>(&config).ok();
        let own = config.map(|config| config.architecture).filter(|own| !own.is_empty());
        Ok(Answer::For(own.into_iter().collect()))
    }

    /// For anonymous pulling, where the registry says that there are such.
    async fn token(&self, refused: &HttpResponse, base: &str, repository: &str) -> Result<String, Why> {
        let challenge = refused.headers().get("www-authenticate").unwrap_or_default();
        let realm = parameter(challenge, "realm").filter(|_| challenge.starts_with("Bearer "));
        // A registry that is asked over TLS is not left for one that is not.
        let realm = realm.filter(|realm| realm.starts_with("https://") || base.starts_with("http://"));
        let Some(realm) = realm else { return Err(CREDENTIALS.to_owned()) };
        let scope = parameter(challenge, "scope").unwrap_or_else(|| format!("repository:{repository}:pull"));
        let mut url =
            format!("{realm}{}scope={}", if realm.contains('?') { '&' } else { '?' }, encoded(&scope));
        if let Some(service) = parameter(challenge, "service") {
            url.push_str(&format!("&service={}", encoded(&service)));
        }
        let answer = self.get(&url, None).await?;
        if answer.status().as_u16() != 200 {
            return Err(CREDENTIALS.to_owned());
        }
        let token = serde_json::from_str::<Token>(&body(answer).await?);
        token.map(|token| token.token).map_err(|_| "its token is none".to_owned())
    }

    async fn blob(&self, mut url: String, mut token: Option<String>) -> Result<String, Why> {
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.get(&url, token.take().as_deref()).await?;
            match (answer.status().as_u16(), answer.headers().get("location")) {
                (200, _) => return body(answer).await,
                // Elsewhere the registry's token is nobody's business.
                (301 | 302 | 303 | 307 | 308, Some(elsewhere)) => url = elsewhere.to_owned(),
                (status, _) => return Err(format!("it answers {status}")),
            }
        }
        Err("it sends one from place to place".to_owned())
    }

    async fn get(&self, url: &str, token: Option<&str>) -> Result<HttpResponse, Why> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url.to_owned()).map_err(|_| format!("`{url}` is no address"))?;
        let headers = request.headers_mut();
        headers.insert("accept", MEDIA_TYPES.join(", "));
        headers.insert("user-agent", concat!("todo-deploy/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = token {
            let bearer = headers.try_insert("authorization", format!("Bearer {token}"));
            bearer.map_err(|_| "its token is none".to_owned())?;
        }
        self.0.call(request).await.map_err(|error| crate::aws::failure::chain(&error))
    }
}

const CREDENTIALS: &str = "it asks for credentials, which instances do not have";

/// As text, up to the limit.
async fn body(mut answer: HttpResponse) -> Result<String, Why> {
    let mut stream = ByteStream::new(answer.take_body());
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| error.to_string())?);
        if bytes.len() > BODY_MAX {
            return Err(format!("its answer has more than {BODY_MAX} bytes"));
        }
    }
    String::from_utf8(bytes).map_err(|_| "its answer is no text".to_owned())
}

/// Of a challenge: `Bearer realm="https://auth.example.com/token",service="example",scope="a,b"`.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

/// For a query: whatever could end the value is encoded.
fn encoded(text: &str) -> String {
    let is_plain = |one: u8| one.is_ascii_alphanumeric() || b"-._~:/".contains(&one);
    text.bytes()
        .map(|one| if is_plain(one) { char::from(one).to_string() } else { format!("%{one:02X}") })
        .collect()
}

#[cfg(test)]
mod tests;
