//! The arguments that a server is started with.

use std::path::Path;

use crate::mariadb::{Options, Tls};
use crate::mariadb_template::STORAGE;

/// What makes a server quick to start and to write, and the same on every machine.
const SMALL_AND_FAST: [&str; 12] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--innodb-buffer-pool-size=32M",
    "--innodb-buffer-pool-load-at-startup=OFF",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    // Handed to the kernel at each commit, so that it outlives a killed server; never flushed.
    "--innodb-flush-log-at-trx-commit=2",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--aria-pagecache-buffer-size=8M",
    "--key-buffer-size=8M",
];

/// The arguments for a server with these options in this folder; the options' own come last and win.
pub(crate) fn of(options: &Options, dir: &Path, port: u16) -> Vec<String> {
    let dir = dir.display();
    let mut args = vec![
        format!("--datadir={dir}/data"),
        format!("--tmpdir={dir}"),
        format!("--socket={dir}/socket"),
        format!("--port={port}"),
    ];
    args.extend(STORAGE.iter().chain(&SMALL_AND_FAST).map(|&arg| arg.to_owned()));
    if options.tls == Tls::Off {
        // From 11.4 on a server makes itself a certificate.
        args.push("--skip-ssl".into());
    } else {
        args.push(format!("--ssl-ca={dir}/ca.pem"));
        args.push(format!("--ssl-cert={dir}/server.pem"));
        args.push(format!("--ssl-key={dir}/server.key"));
    }
    if options.require_secure_transport {
        args.push("--require-secure-transport=ON".into());
    }
    if options.isam_only {
        args.extend(["--skip-innodb".into(), "--default-storage-engine=MyISAM".into()]);
    }
    args.extend(options.args.iter().cloned());
    args
}
