use super::*;
use sync_core::exit::Exit;
use sync_core::fault::verdict;

const URL: (&str, &str) = ("DB_SYNC_DATABASE_URL", "postgres://bob@db/shop");
const KEY: (&str, &str) = (
    "GOOGLE_CREDENTIALS_BASE64",
    r#"{"client_email":"a@b","private_key":"k","token_uri":"https://oauth2.googleapis.com/token"}"#,
);
const ID: (&str, &str) = ("GOOGLE_SPREADSHEET_ID", "1AbC-_dEfGhIjKlMnOp");

fn load(pairs: &[(&str, &str)]) -> Result<Settings> {
    Settings::load(&CommonArgs::default(), &Env::from_pairs(pairs.iter().copied()))
}

#[test]
fn defaults() {
    let settings = load(&[URL, KEY, ID, ("HOME", "/home/bob")]).unwrap();
    let source = &settings.source;
    assert_eq!(
        (source.name.as_str(), source.time_zone.as_str(), source.batch),
        ("shop", "Europe/Paris", 1000)
    );
    assert_eq!(
        (source.not_schemas.as_slice(), source.not_prefixes.as_slice()),
        (&["prisma".into()][..], &["prisma".into()][..])
    );
    assert_eq!(settings.sheets_url, "https://sheets.googleapis.com/");
    assert_eq!(settings.state_dir.unwrap(), Path::new("/home/bob/.local/state/pg2sheets"));
}

#[test]
fn an_id_is_found_in_what_people_paste() {
    for text in [
        "1AbC-_dEfGhIjKlMnOp",
        " 1AbC-_dEfGhIjKlMnOp\n",
        "https://docs.google.com/spreadsheets/d/1AbC-_dEfGhIjKlMnOp/edit?gid=0#gid=0",
        "https://docs.google.com/spreadsheets/d/1AbC-_dEfGhIjKlMnOp",
        "https://drive.google.com/open?id=1AbC-_dEfGhIjKlMnOp&usp=drive_fs",
    ] {
        assert_eq!(spreadsheet_id(text).unwrap(), "1AbC-_dEfGhIjKlMnOp");
    }
    for text in
        ["", "short", "../../../etc/passwd", "1AbC dEfGhIjKlMnOp", "https://docs.google.com/spreadsheets/d/"]
    {
        let error = spreadsheet_id(text).unwrap_err();
        assert_eq!(verdict(&error).exit, Exit::Config, "{text}");
        assert!(verdict(&error).hint.unwrap().contains("/d/"));
    }
}

#[test]
fn wrong_values_are_named() {
    for (name, value) in [
        ("DB_SYNC_DATABASE_URL", ""),
        ("DB_SYNC_BATCH_SIZE", "0"),
        ("DB_SYNC_BATCH_SIZE", "many"),
        ("DB_SYNC_TIMEZONE", "Europe/Atlantis"),
        ("DB_SYNC_EXCLUDED_COLUMNS", "*.[password"),
        ("DB_SYNC_INCLUDE_VIEWS", "perhaps"),
        ("DB_SYNC_SOURCE_NAME", &"x".repeat(201)),
        ("GOOGLE_SPREADSHEET_ID", ""),
        ("GOOGLE_CREDENTIALS_BASE64", ""),
    ] {
        let set: Vec<_> =
            [URL, KEY, ID].into_iter().filter(|(n, _)| *n != name).chain([(name, value)]).collect();
        let error = load(&set).err().unwrap_or_else(|| panic!("{name}={value} was taken"));
        assert_eq!(verdict(&error).exit, Exit::Config, "{name}={value}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn an_empty_flag_counts_as_none() {
    let args = CommonArgs { source_name: Some(String::new()), ..CommonArgs::default() };
    let settings = Settings::load(&args, &Env::from_pairs([URL, KEY, ID])).unwrap();
    assert_eq!(settings.source.name, "shop");
}

#[test]
fn a_token_is_never_sent_in_the_clear() {
    for (url, is_taken) in [
        ("https://example.org", true),
        ("http://127.0.0.1:80/", true),
        ("http://localhost:1234", true),
        ("http://example.org", false),
        ("http://127.0.0.1.example.org", false),
        ("http://localhost@example.org", false),
        ("ftp://x", false),
    ] {
        assert_eq!(require_secret("--sheets-url", url).is_ok(), is_taken, "{url}");
    }
}

#[test]
fn levels_of_the_log() {
    let level = |value: &str| log(&CommonArgs::default(), &Env::from_pairs([("DB_SYNC_LOG_LEVEL", value)]));
    assert!(level("ERROR").unwrap().quiet);
    assert_eq!((level("info").unwrap().verbose, level("debug").unwrap().verbose), (0, 1));
    assert!(level("loud").is_err());
}
