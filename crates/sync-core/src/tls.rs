//! TLS for PostgreSQL connections, with the meanings that libpq gives to `sslmode` and `sslrootcert`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use postgres::Socket;
use postgres::tls::{MakeTlsConnect, TlsConnect};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::fault::Fault;
use crate::pg_settings::{PgSettings, SslMode};

/// Makes ring the cryptography of this process, unless another provider was installed before.
pub fn install_provider() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// The TLS half of a connection; remembers whether TLS was used.
#[derive(Clone)]
pub(crate) struct Tls {
    inner: MakeRustlsConnect,
    used: Arc<AtomicBool>,
}

impl Tls {
    /// What `settings` ask for; a certificate file that cannot be read is a configuration error.
    pub(crate) fn new(settings: &PgSettings) -> Result<Tls> {
        Ok(Tls { inner: MakeRustlsConnect::new(client_config(settings)?), used: Arc::default() })
    }

    /// Whether the server agreed to TLS in the last connection.
    pub(crate) fn used(&self) -> bool {
        self.used.load(Ordering::SeqCst)
    }

    /// Forgets earlier connections.
    pub(crate) fn forget(&self) {
        self.used.store(false, Ordering::SeqCst);
    }
}

type Inner = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;

pub(crate) struct Connect {
    inner: Inner,
    used: Arc<AtomicBool>,
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = Connect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connect, Self::Error> {
        let inner = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.inner, host)?;
        Ok(Connect { inner, used: Arc::clone(&self.used) })
    }
}

impl TlsConnect<Socket> for Connect {
    type Stream = <Inner as TlsConnect<Socket>>::Stream;
    type Error = <Inner as TlsConnect<Socket>>::Error;
    type Future = <Inner as TlsConnect<Socket>>::Future;

    fn connect(self, stream: Socket) -> Self::Future {
        self.used.store(true, Ordering::SeqCst);
        self.inner.connect(stream)
    }
}

/// What calls to public servers trust: the system's authorities, else Mozilla's.
///
/// # Errors
/// Only when the cryptography of this process cannot do TLS.
pub fn public_config() -> Result<ClientConfig> {
    install_provider();
    let builder = ClientConfig::builder_with_provider(provider());
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|e| unusable("the TLS settings", &e))?;
    Ok(builder.with_root_certificates(public_roots()).with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

fn public_roots() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

fn client_config(settings: &PgSettings) -> Result<ClientConfig> {
    install_provider();
    let provider = provider();
    let verifier = Verifier::new(settings, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable("the TLS settings", &e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match (&settings.sslcert, &settings.sslkey) {
        (Some(cert), Some(key)) => {
            let file = format!("the client certificate {}", cert.display());
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|e| unusable(&format!("sslkey {}", key.display()), &e))?;
            builder
                .with_client_auth_cert(read_certificates(cert, "sslcert")?, key)
                .map_err(|e| unusable(&file, &e))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        _ => Err(Fault::config("sslcert and sslkey go together, and only one is set", "set both or none")),
    }
}

fn unusable(what: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    Fault::config(
        format!("{what} cannot be used: {error}"),
        "check the path, the rights, and that the file is PEM",
    )
}

fn read_certificates(file: &Path, parameter: &str) -> Result<Vec<CertificateDer<'static>>> {
    let what = format!("{parameter} {}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| unusable(&what, &e))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|e| unusable(&what, &e))?;
    if certificates.is_empty() { Err(unusable(&what, &"it holds no certificate")) } else { Ok(certificates) }
}

/// The authorities to trust: the file, else the system's, else Mozilla's.
fn roots(settings: &PgSettings) -> Result<(RootCertStore, Vec<CertificateDer<'static>>)> {
    match settings.sslrootcert.as_deref() {
        Some(file) if file != "system" => {
            let listed = read_certificates(Path::new(file), "sslrootcert")?;
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(listed.iter().cloned());
            Ok((store, listed))
        }
        _ => Ok((public_roots(), Vec::new())),
    }
}

/// Checks the server's certificate as far as `sslmode` asks, and the handshake's signatures always.
#[derive(Debug)]
struct Verifier {
    /// None: any certificate will do.
    chain: Option<Arc<WebPkiServerVerifier>>,
    name_too: bool,
    /// The certificates in `sslrootcert`: a server that presents one of them is trusted even if it signed itself.
    listed: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(settings: &PgSettings, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
        let mode = settings.effective_sslmode();
        let (chain, listed) = if mode >= SslMode::VerifyCa {
            let (store, listed) = roots(settings)?;
            let chain =
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
            (Some(chain.map_err(|e| unusable("sslrootcert", &e))?), listed)
        } else {
            (None, Vec::new())
        };
        Ok(Verifier { chain, name_too: mode == SslMode::VerifyFull, listed, provider: Arc::clone(provider) })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        if self.listed.contains(end_entity) {
            if self.name_too {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        // The name is checked last: an error about it means that the chain is good.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name_too => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exit::Exit, fault};

    fn settings(url: &str) -> PgSettings {
        PgSettings::from_url(url).unwrap()
    }

    #[test]
    fn every_mode_has_a_configuration() {
        for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
            assert!(client_config(&settings(&format!("postgres://h/d?sslmode={mode}"))).is_ok(), "{mode}");
        }
    }

    #[test]
    fn files_that_cannot_be_read_are_configuration_errors() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        for query in [
            "sslmode=verify-ca&sslrootcert=/nonexistent".to_owned(),
            format!("sslmode=verify-full&sslrootcert={}", empty.path().display()),
            "sslcert=/nonexistent&sslkey=/nonexistent".to_owned(),
            "sslcert=/nonexistent".to_owned(),
        ] {
            let error = client_config(&settings(&format!("postgres://h/d?{query}"))).unwrap_err();
            assert_eq!(fault::verdict(&error).exit, Exit::Config, "{query}");
        }
    }
}
