use super::*;

fn db() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    create(&db).unwrap();
    create(&db).unwrap();
    db
}

fn intend(db: &Connection, fingerprint: &str, known: Option<&Attempt>) -> Result<()> {
    let fingerprint = &fingerprint.into();
    let intent = Intent { table: "evenement", local_id: 7, fingerprint, key: "k", payload: "p" };
    super::intend(db, &intent, known)
}

fn count(db: &Connection, table: &str) -> i64 {
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_row_from_its_intent_to_its_end() {
    let db = db();
    intend(&db, "f", None).unwrap();
    let known = || attempt(&db, "evenement", 7).unwrap().unwrap();
    assert_eq!((known().n_attempts, known().payload.as_deref()), (0, Some("p")));
    record(&db, "evenement", 7, &Outcome::Untried { reason: "down".into() }).unwrap();
    assert_eq!(known().n_attempts, 0, "nobody was there to take it");
    let failed = Outcome::Failed { status: Some(500), reason: "no".into(), pause: 60 };
    record(&db, "evenement", 7, &failed).unwrap();
    assert_eq!(known().n_attempts, 1);
    let failure = &failures(&db).unwrap()[0];
    assert!(failure.due.is_some_and(|due| (now() + 55..=now() + 60).contains(&due)), "{failure:?}");
    assert_eq!(retry(&db, Some(("evenement", 8))).unwrap(), 0);
    assert_eq!(retry(&db, None).unwrap(), 1);
    assert_eq!(failures(&db).unwrap()[0].due, None);
    record(&db, "evenement", 7, &Outcome::Sent { remote_id: Some(1) }).unwrap();
    assert_eq!((known().payload, failures(&db).unwrap().len()), (None, 0));
}

#[test]
fn another_row_under_the_same_id_goes_to_the_archive() {
    let db = db();
    intend(&db, "f", attempt(&db, "evenement", 7).unwrap().as_ref()).unwrap();
    let failed = Outcome::Failed { status: None, reason: "no".into(), pause: 60 };
    record(&db, "evenement", 7, &failed).unwrap();
    intend(&db, "f", attempt(&db, "evenement", 7).unwrap().as_ref()).unwrap();
    assert_eq!((count(&db, "sync_archive"), count(&db, "sync_tracking")), (0, 1), "the same row still");
    intend(&db, "g", attempt(&db, "evenement", 7).unwrap().as_ref()).unwrap();
    assert_eq!((count(&db, "sync_archive"), count(&db, "sync_tracking")), (1, 0));
    record(&db, "evenement", 7, &Outcome::Sent { remote_id: None }).unwrap();
    assert!(forget(&db, "evenement", 7).unwrap());
    assert!(!forget(&db, "evenement", 8).unwrap());
    assert_eq!((count(&db, "sync_archive"), count(&db, "sync_tracking")), (2, 0));
}

#[test]
fn a_due_time_that_only_a_wrong_clock_can_have_set_means_now() {
    let db = db();
    intend(&db, "f", attempt(&db, "evenement", 7).unwrap().as_ref()).unwrap();
    for (ahead, due) in [(-60, None), (60, Some(60)), (FURTHEST, Some(FURTHEST)), (FURTHEST + 60, None)] {
        record(&db, "evenement", 7, &Outcome::Failed { status: None, reason: "no".into(), pause: ahead })
            .unwrap();
        let found = failures(&db).unwrap()[0].due.map(|at| at - now());
        assert_eq!(
            found.map(|left| (left - due.unwrap_or_default()).abs() <= 2),
            due.map(|_| true),
            "{ahead}"
        );
        let sql = format!(
            "SELECT count(*) FROM sync_tracking t JOIN sync_attempt a USING (table_name, local_id) WHERE {}",
            is_due("'f'")
        );
        let n: i64 = db.query_row(&sql, named_params! {":now": now()}, |row| row.get(0)).unwrap();
        assert_eq!(n == 1, due.is_none(), "{ahead}");
    }
}

#[test]
fn every_new_row_is_a_candidate() {
    let db = db();
    db.execute_batch("CREATE TABLE rows(id INTEGER PRIMARY KEY, f TEXT)").unwrap();
    // Every combination of what can be known of a row, at ids from 0 on.
    let mut id = 0;
    for attempt in ["", "'f', 0", "'f', 2", "'g', 0", "'g', 2"] {
        for status in ["", "pending", "success", "failed"] {
            db.execute_batch(&format!("INSERT INTO rows VALUES ({id}, 'f')")).unwrap();
            if !attempt.is_empty() {
                let columns = "table_name, local_id, idempotency_key, fingerprint, attempts";
                let values = format!("'evenement', {id}, 'k', {attempt}");
                db.execute_batch(&format!("INSERT INTO sync_attempt ({columns}) VALUES ({values})")).unwrap();
            }
            if !status.is_empty() {
                let columns = "table_name, local_id, sync_date, sync_status";
                let values = format!("'evenement', {id}, '', '{status}'");
                db.execute_batch(&format!("INSERT INTO sync_tracking ({columns}) VALUES ({values})"))
                    .unwrap();
            }
            id += 1;
        }
    }
    let select = |condition: &str, from: i64| -> Vec<i64> {
        let sql = format!(
            "SELECT r.id FROM rows r {} WHERE r.id >= :from AND {} {condition} ORDER BY 1",
            join("evenement", "r.id"),
            is_new("r.f")
        );
        let mut statement = db.prepare(&sql).unwrap();
        let ids = statement.query_map(named_params! {":from": from}, |row| row.get(0)).unwrap();
        ids.map(Result::unwrap).collect()
    };
    let candidates = format!("AND r.id IN ({})", candidates("evenement", "rows c", "c.id", "c.f"));
    assert!(select("", 0).len() > 10);
    for from in 0..=id {
        assert_eq!(select(&candidates, from), select("", from), "from {from}");
    }
}
