use std::io::Write as _;

use secrecy::ExposeSecret as _;
use sync_core::exit::Exit;
use sync_core::fault;

use super::*;

const SINGLE: [(&str, &str); 3] = [("MYSQL_USER", "bob"), ("MYSQL_PASSWORD", "hunter2"), ("MYSQL_DB", "erp")];

fn load(pairs: &[(&str, &str)]) -> Result<MySettings> {
    MySettings::load(&MyFlags::default(), &Env::from_pairs(pairs.iter().copied()))
}

fn with(more: &[(&'static str, &'static str)]) -> MySettings {
    load(&[&SINGLE[..], more].concat()).unwrap()
}

fn password(settings: &MySettings) -> &str {
    settings.password.as_ref().map_or("", |p| p.expose_secret())
}

#[test]
fn single_settings_and_their_defaults() {
    let settings = with(&[]);
    assert_eq!(settings.display(), "mysql_db:3306/erp");
    assert_eq!((settings.user.as_str(), password(&settings)), ("bob", "hunter2"));
    assert_eq!(settings.ssl_mode, SslMode::Preferred);
    assert!(!settings.is_local());
    let settings = with(&[("MYSQL_HOST", "::1"), ("MYSQL_PORT", " 3307 "), ("MYSQL_SSL_MODE", "Verify-CA")]);
    assert_eq!((settings.display().as_str(), settings.ssl_mode), ("[::1]:3307/erp", SslMode::VerifyCa));
    assert!(settings.is_local());
    assert_eq!(with(&[("MYSQL_HOST", "[::1]")]).display(), "[::1]:3306/erp");
    let socket = with(&[("MYSQL_SOCKET", "/run/mysqld/mysqld.sock"), ("MYSQL_HOST", "h")]);
    assert_eq!(socket.display(), "/run/mysqld/mysqld.sock/erp");
    assert!(socket.is_local());
}

#[test]
fn a_url_wins_and_single_settings_fill_what_it_leaves_open() {
    let others = [
        ("MYSQL_HOST", "other"),
        ("MYSQL_PORT", "1"),
        ("MYSQL_SOCKET", "/s"),
        ("MYSQL_SSL_MODE", "required"),
    ];
    let mut pairs = [&SINGLE[..], &others[..]].concat();
    pairs.push(("MYSQL_URL", "mysql://ann@there/shop"));
    let settings = load(&pairs).unwrap();
    assert_eq!((settings.display().as_str(), settings.user.as_str()), ("there:3306/shop", "ann"));
    assert_eq!((password(&settings), settings.ssl_mode), ("hunter2", SslMode::Required));
    pairs.push(("MYSQL_URL", "mariadb://ann:x@/?socket=/run/s&ssl-mode=disabled"));
    let settings = load(&pairs).unwrap();
    assert_eq!((settings.display().as_str(), settings.ssl_mode), ("/run/s/erp", SslMode::Disabled));
    assert_eq!(password(&settings), "x");
}

#[test]
fn a_flag_wins_over_the_environment() {
    let flags = MyFlags { host: Some("flag".into()), user: Some(String::new()), ..MyFlags::default() };
    let settings = MySettings::load(&flags, &Env::from_pairs(SINGLE)).unwrap();
    assert_eq!((settings.display().as_str(), settings.user.as_str()), ("flag:3306/erp", "bob"));
    let flags = MyFlags { url: Some("mysql://x:y@z/w".into()), ..flags };
    assert_eq!(MySettings::load(&flags, &Env::from_pairs(SINGLE)).unwrap().display(), "z:3306/w");
}

#[test]
fn an_authority_alone_asks_for_its_check() {
    let mut file = tempfile();
    file.1.write_all(b"-----BEGIN CERTIFICATE-----\n").unwrap();
    let path = file.0.to_str().unwrap();
    let mode = |more: &[(&str, &str)]| {
        load(&[&SINGLE[..], &[("MYSQL_SSL_CA", path)], more].concat()).unwrap().ssl_mode
    };
    assert_eq!(mode(&[]), SslMode::VerifyCa);
    assert_eq!(mode(&[("MYSQL_SSL_MODE", "required")]), SslMode::Required);
    fs::write(path, "no certificate").unwrap();
    let error = load(&[&SINGLE[..], &[("MYSQL_SSL_CA", path)]].concat()).unwrap_err();
    assert!(error.to_string().contains("holds no certificate"), "{error}");
    fs::remove_file(path).unwrap();
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let wrong = |pairs: &[(&str, &str)]| {
        let error = load(pairs).unwrap_err();
        assert_eq!(fault::verdict(&error).exit, Exit::Config, "{error}");
        assert!(!fault::describe(&error).contains("hunter2"), "{error}");
        error.to_string()
    };
    assert_eq!(wrong(&SINGLE[1..]), "MYSQL_USER is not set");
    assert_eq!(wrong(&SINGLE[..2]), "MYSQL_DB is not set");
    let plus = |name, value| wrong(&[&SINGLE[..], &[(name, value)]].concat());
    assert_eq!(plus("MYSQL_PORT", "33o6"), "MYSQL_PORT is not a number from 1 to 65535: \"33o6\"");
    assert_eq!(plus("MYSQL_PORT", "0"), "MYSQL_PORT is not a number from 1 to 65535: \"0\"");
    assert_eq!(plus("MYSQL_SSL_MODE", "on"), "MYSQL_SSL_MODE is none of the known modes: \"on\"");
    assert!(
        plus("MYSQL_SSL_CA", "/nonexistent/ca.pem").contains("/nonexistent/ca.pem named by MYSQL_SSL_CA")
    );
    assert_eq!(wrong(&[("MYSQL_URL", "mysql://u:hunter2@h")]), "MYSQL_DB is not set");
    assert_eq!(wrong(&[("MYSQL_URL", "mysql://h/d")]), "MYSQL_USER is not set");
}

#[test]
fn nothing_shows_the_password() {
    let settings = with(&[]);
    assert!(!format!("{settings:?} {}", settings.display()).contains("hunter2"));
    let flags = MyFlags { password: Some("hunter2".into()), ..MyFlags::default() };
    assert!(!format!("{flags:?}").contains("hunter2"));
}

fn tempfile() -> (PathBuf, fs::File) {
    let path = std::env::temp_dir().join(format!("mysql2pg-ca-{}.pem", std::process::id()));
    let file = fs::File::create(&path).unwrap();
    (path, file)
}
