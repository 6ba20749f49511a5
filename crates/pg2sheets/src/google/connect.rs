//! Connections to Google's servers: straight, or through the proxy that the environment names.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Result;
use google_sheets4::hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use sync_core::fault::Fault;
use sync_core::{http, tls};
use tokio::net::TcpStream;
use tower_service::Service;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Sent bytes may stay unacknowledged this long.
const SILENCE: Duration = Duration::from_secs(25);

/// What the HTTP client asks for connections.
pub(crate) type Connector = HttpsConnector<Way>;

/// Opens connections without TLS.
#[derive(Clone, Debug)]
pub(crate) struct Way(HttpConnector);

/// Connections with TLS where the URL wants it.
pub(super) fn connector() -> Result<Connector> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.set_keepalive(Some(Duration::from_secs(10)));
    http.set_tcp_user_timeout(Some(SILENCE));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls::public_config()?);
    Ok(builder.https_or_http().enable_http1().wrap_connector(Way(http)))
}

/// The proxy on the way to a server.
///
/// # Errors
/// A configuration fault when it cannot be used.
pub(super) fn proxy(server: &str) -> Result<Option<http::OnTheWay>> {
    let proxy = http::proxy(server)?;
    match proxy {
        Some(proxy) if proxy.is_tls => Err(Fault::config(
            format!("{}: TLS to the proxy itself is not spoken here", proxy.place),
            "name it as http://…; what goes through it is encrypted all the same",
        )),
        proxy => Ok(proxy),
    }
}

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let mut direct = self.0.clone();
        Box::pin(async move {
            let proxy = proxy(&server.to_string())?.map(|proxy| Matcher::builder().all(proxy.url).build());
            let Some(proxy) = proxy.and_then(|proxy| proxy.intercept(&server)) else {
                return Ok(direct.call(server).await?);
            };
            let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            Ok(tunnel.call(server).await?)
        })
    }
}
