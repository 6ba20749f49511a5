//! The backend's certificate.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

/// A self-signed certificate for `localhost` and `127.0.0.1`, and a server's configuration with it.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    dir: TempDir,
}

impl Tls {
    pub(super) fn new() -> Tls {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
        let dir = tempfile::Builder::new().prefix("sync-testing-backend-").tempdir();
        let dir = dir.expect("a temporary folder");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        // Named, because rustls cannot choose where several providers are linked.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the key is the certificate's");
        let tls = Tls { config: Arc::new(config), dir };
        fs::write(tls.certificate(), made.cert.pem()).expect("the certificate can be written");
        tls
    }

    /// The certificate as PEM.
    pub(super) fn certificate(&self) -> PathBuf {
        self.dir.path().join("certificate.pem")
    }
}
