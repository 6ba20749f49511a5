//! A certificate authority of our own, and a server certificate that it signs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::mariadb::Tls;
use crate::mariadb_account::Account;

/// Writes `ca.pem`, `server.pem` and `server.key` into a folder, the key for the server's eyes only.
pub(crate) fn write(account: &Account, dir: &Path, tls: Tls) {
    let (ca_pem, issuer) = authority();
    let key = new_key();
    let names = match tls {
        Tls::Named => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        Tls::Nameless | Tls::Off => Vec::new(),
    };
    let mut params = params(names, "MariaDB_Server");
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer).expect("a certificate can be signed");
    let files = [("ca.pem", ca_pem), ("server.pem", certificate.pem()), ("server.key", key.serialize_pem())];
    for (name, pem) in files {
        let path = dir.join(name);
        let mode = if name.ends_with(".key") { 0o600 } else { 0o644 };
        fs::write(&path, pem).expect("the certificate can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its rights can be set");
        account.own(&path);
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = params(Vec::new(), "sync-testing CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = new_key();
    let certificate = params.self_signed(&key).expect("a certificate can be made");
    (certificate.pem(), Issuer::new(params, key))
}

fn params(names: Vec<String>, common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(names).expect("the names are valid");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}
