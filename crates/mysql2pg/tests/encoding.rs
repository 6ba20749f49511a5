//! Text in every encoding arrives as it was meant, and clean text is never touched.
#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, and these are their hands")]

mod common;

use common::Setup;
use mysql::prelude::Queryable;

#[test]
fn latin1_is_read_as_windows_1252() {
    let setup = Setup::new();
    setup.my("CREATE TABLE l (id INT PRIMARY KEY, v VARCHAR(50) CHARACTER SET latin1, t TEXT CHARACTER SET latin1)");
    setup.my(
        "INSERT INTO l VALUES (1, X'80', X'3530208020636E'), (2, X'E974E9', X'4772F6DF65'), (3, X'85939C', ''),
           (4, X'81', X'A0')",
    );
    setup.sync_to(0, &["copy", "l"]);
    let found = setup.list("SELECT v || '|' || t FROM l ORDER BY id");
    assert_eq!(found, ["€|50 € cn", "été|Größe", "…“œ|", "\u{81}|\u{a0}"]);
    assert_eq!(setup.sync_to(0, &["copy", "l"]).n("written"), 0);
}

#[test]
fn utf8_bytes_in_a_latin1_column_are_read_right() {
    let setup = Setup::new();
    let mut conn = setup.conn();
    conn.query_drop("CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(50)) DEFAULT CHARSET latin1").unwrap();
    let texts = ["été", "Größe", "50 €", "l’atelier – “ici”", "naïve À bientôt", "😀 lames", "plain"];
    for (id, text) in texts.iter().enumerate() {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        conn.query_drop(format!("INSERT INTO u VALUES ({id}, X'{hex}')")).unwrap();
    }
    let outcome = setup.sync_to(0, &["copy", "u"]);
    assert_eq!(setup.list("SELECT v FROM u ORDER BY id"), texts);
    assert_eq!(outcome.n("repaired_texts"), 6, "{}", outcome.report);
    let again = setup.sync_to(0, &["copy", "u"]);
    assert_eq!(again.n("written"), 0);
    // Without the repair they are what the column says, and that is another text.
    let plain = setup.sync_to(0, &["copy", "u", "--no-fix-encoding"]);
    assert_eq!(plain.n("written"), 6, "{}", plain.report);
    assert_eq!(plain.n("repaired_texts"), 0);
    assert_eq!(setup.one("SELECT v FROM u WHERE id = 0"), "Ã©tÃ©");
}

#[test]
fn emoji_and_other_scripts() {
    let setup = Setup::new();
    let texts =
        ["😀", "👩‍👩‍👧", "漢字", "Ελληνικά", "עברית", "e\u{301}", "\u{10FFFF}", "\u{FEFF}x", "a\u{7f}\u{1}"];
    setup.my("CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(50), e ENUM('😀','x'), s SET('😀','é'), n VARCHAR(9) CHARACTER SET utf16)");
    for (id, text) in texts.iter().enumerate() {
        setup.my(&format!("INSERT INTO m VALUES ({id}, '{text}', '😀', '😀,é', '😀')"));
    }
    setup.sync_to(0, &["copy", "m"]);
    assert_eq!(setup.list("SELECT v FROM m ORDER BY id"), texts);
    assert_eq!(setup.one("SELECT DISTINCT e || s::text || n FROM m"), "😀{😀,é}😀");
    assert_eq!(setup.sync_to(0, &["copy", "m"]).n("written"), 0);
}

#[test]
fn mojibake_beside_clean_text_is_repaired_alone() {
    let setup = Setup::new();
    let texts = [
        ("cde PlanifiÃ©e", "cde Planifiée"),
        ("cde Planifiée", "cde Planifiée"),
        // Both in one value.
        ("été et Ã©tÃ©", "été et été"),
        ("naïve, prix © 50 â‚¬", "naïve, prix © 50 €"),
        ("Ã", "Ã"),
        ("naïve", "naïve"),
        ("SÃO PAULO", "SÃO PAULO"),
        ("Ã©tÃ© 😀", "été 😀"),
        ("ðŸ˜€", "😀"),
        ("GrÃ¶ÃŸe", "Größe"),
        // Encoded three times.
        ("Ã\u{83}Â©tÃ\u{83}Â©", "été"),
        ("", ""),
    ];
    setup.my("CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(90), c CHAR(90), t TEXT, e ENUM('Ã©','x') DEFAULT 'Ã©')");
    let mut conn = setup.conn();
    for (id, (text, _)) in texts.iter().enumerate() {
        conn.exec_drop("INSERT INTO m (id, v, c, t) VALUES (?, ?, ?, ?)", (id, text, text, text)).unwrap();
    }
    let outcome = setup.sync_to(0, &["copy", "m"]);
    for column in ["v", "c", "t"] {
        let found = setup.list(&format!("SELECT {column} FROM m ORDER BY id"));
        assert_eq!(found, texts.map(|(_, meant)| meant), "{column}");
    }
    assert_eq!(setup.one("SELECT DISTINCT e FROM m"), "é");
    let n_broken = texts.iter().filter(|(text, meant)| text != meant).count() as u64;
    assert_eq!(outcome.n("repaired_texts"), 3 * n_broken + texts.len() as u64, "{}", outcome.report);
    let plain = setup.sync_to(0, &["copy", "m", "--no-fix-encoding"]);
    assert_eq!(plain.n("written"), texts.len() as u64);
    assert_eq!(setup.list("SELECT v FROM m ORDER BY id"), texts.map(|(text, _)| text));
    assert_eq!(setup.one("SELECT DISTINCT e FROM m"), "Ã©");
}

#[test]
fn no_fix_encoding_leaves_a_new_table_as_it_is() {
    let setup = Setup::new();
    setup.my(
        "CREATE TABLE m (id VARCHAR(9) PRIMARY KEY, v TEXT); INSERT INTO m VALUES ('Ã©', 'Ã©'), ('é', 'é')",
    );
    let outcome = setup.sync_to(0, &["copy", "m", "--no-fix-encoding"]);
    assert_eq!(outcome.counts(), [2, 2, 0, 0, 0, 0], "{}", outcome.report);
    assert_eq!(setup.list("SELECT id || v FROM m ORDER BY id COLLATE \"C\""), ["Ã©Ã©", "éé"]);
    assert!(setup.sync_to(0, &["copy", "m", "--no-fix-encoding"]).n("written") == 0);
}

/// One row of two arrives and the other is on the list, whatever happens.
#[track_caller]
fn one_of_two(setup: &Setup, table: &str) {
    let n_there: u64 = setup.one(&format!("SELECT count(*) FROM {table}")).parse().unwrap();
    let n_aside: u64 = setup
        .one(&format!("SELECT count(*) FROM sync_rejected WHERE table_name = '{table}'"))
        .parse()
        .unwrap();
    assert_eq!(
        (n_there, n_aside),
        (2, 1),
        "{:?} {:?}",
        setup.rows(&format!("SELECT * FROM {table}")),
        setup.rejected()
    );
}

#[test]
fn keys_that_become_the_same_lose_no_row() {
    let setup = Setup::new();
    for (name, engine, broken) in
        [("k1", "InnoDB", "Ã©"), ("k2", "MyISAM", "Ã©"), ("k3", "InnoDB", "é\\0"), ("k4", "MyISAM", "é\\0")]
    {
        setup.my(&format!(
            "CREATE TABLE {name} (id VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, v INT) ENGINE={engine};
             INSERT INTO {name} VALUES ('é', 1), ('{broken}', 2), ('x', 3)"
        ));
        // Into a new table, and later on; a short patience must not matter.
        for args in [&["copy", name][..], &["copy", name], &["copy", name, "--no-lock"]] {
            let outcome = setup.sync_to(3, args);
            assert_eq!((outcome.n("read"), outcome.n("rejected")), (3, 1), "{}", outcome.report);
            one_of_two(&setup, name);
        }
        let kept = setup.one(&format!("SELECT v FROM {name} WHERE id = 'é'"));
        let reason = setup.list(&format!("SELECT reason FROM sync_rejected WHERE table_name = '{name}'"));
        assert_eq!(reason, ["its key is that of another row"]);
        // The same one stays from run to run.
        let again = setup.sync_to(3, &["copy", name]);
        assert_eq!(again.n("written"), 0, "{}", again.report);
        assert_eq!(setup.one(&format!("SELECT v FROM {name} WHERE id = 'é'")), kept);
        setup.my(&format!("DELETE FROM {name} WHERE id = '{broken}'"));
        setup.sync_to(0, &["copy", name]);
        assert_eq!(setup.one(&format!("SELECT v FROM {name} WHERE id = 'é'")), "1");
        setup.sql("DELETE FROM sync_rejected");
    }
}

#[test]
fn keys_that_become_the_same_do_not_need_a_second_run() {
    let setup = Setup::new();
    setup.my("CREATE TABLE k (id VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, v INT); INSERT INTO k VALUES ('é', 1), ('Ã©', 2), ('x', 3)");
    // Nothing is wrong with either server: no patience is needed.
    setup.sync_to(3, &["copy", "k", "--retry-for", "1ms"]);
    one_of_two(&setup, "k");
}

#[test]
fn keys_that_become_the_same_in_a_later_run() {
    let setup = Setup::new();
    setup.my("CREATE TABLE k (id VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, v INT); INSERT INTO k VALUES ('é', 1), ('x', 3)");
    setup.sync_to(0, &["copy", "k"]);
    setup.my("INSERT INTO k VALUES ('Ã©', 2)");
    setup.sync_to(3, &["copy", "k"]);
    one_of_two(&setup, "k");
}

#[test]
fn a_broken_key_keeps_its_row() {
    let setup = Setup::new();
    setup.my("CREATE TABLE k (id VARCHAR(9) PRIMARY KEY, v INT); INSERT INTO k VALUES ('Ã©', 1)");
    setup.sync_to(0, &["copy", "k"]);
    assert_eq!(setup.one("SELECT id FROM k"), "é");
    setup.my("UPDATE k SET v = 2");
    assert_eq!(setup.sync_to(0, &["copy", "k"]).n("written"), 1);
    // Mended in the source: nothing changes here.
    setup.my("UPDATE k SET id = 'é'");
    assert_eq!(setup.sync_to(0, &["copy", "k"]).n("written"), 0);
    assert_eq!(setup.one("SELECT id || v FROM k"), "é2");
}
