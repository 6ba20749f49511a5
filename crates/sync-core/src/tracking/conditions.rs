//! SQL of which rows are new, and which are due.

use super::FURTHEST;

/// SQL that joins what is known of a row: `t` of `sync_tracking`, `a` of `sync_attempt`.
pub fn join(table: &str, id: &str) -> String {
    format!(
        "LEFT JOIN sync_tracking t ON t.table_name = '{table}' AND t.local_id = {id}
         LEFT JOIN sync_attempt a ON a.table_name = '{table}' AND a.local_id = {id}"
    )
}

/// SQL that holds for a joined row that no attempt of its own has failed yet; `fingerprint` is SQL too.
pub fn is_new(fingerprint: &str) -> String {
    format!(
        "(t.id IS NULL OR a.fingerprint <> {fingerprint}
          OR (t.sync_status <> 'success' AND coalesce(a.attempts, 0) = 0))"
    )
}

/// SQL of the ids from the parameter `:from` on, among which every row is that [`is_new`], and few others.
///
/// It walks rows and tracking side by side in the order of their ids, in half the time of looking each row up. `rows` is
/// SQL for the table's rows, `id` and `fingerprint` for their columns.
pub fn candidates(table: &str, rows: &str, id: &str, fingerprint: &str) -> String {
    // Without its limit the inner order would be dropped, and with it the walk.
    format!(
        "SELECT id FROM (SELECT {id} AS id, {fingerprint} FROM {rows} WHERE {id} >= :from
           EXCEPT SELECT local_id, fingerprint FROM sync_attempt WHERE table_name = '{table}' AND local_id >= :from
           ORDER BY 1, 2 LIMIT -1)
         UNION ALL SELECT id FROM (SELECT {id} AS id FROM {rows} WHERE {id} >= :from
           EXCEPT SELECT local_id FROM sync_tracking WHERE table_name = '{table}' AND local_id >= :from
           ORDER BY 1 LIMIT -1)
         UNION ALL SELECT local_id FROM sync_tracking
           WHERE sync_status IN ('failed', 'pending') AND table_name = '{table}' AND local_id >= :from"
    )
}

/// SQL that holds for a joined row whose earlier attempts failed and that is due at the parameter `:now`, in seconds.
pub fn is_due(fingerprint: &str) -> String {
    format!(
        "(t.sync_status <> 'success' AND a.attempts > 0 AND a.fingerprint = {fingerprint}
          AND (t.sync_status = 'pending' OR coalesce(a.next_attempt_at, 0) <= :now OR a.next_attempt_at > :now + {FURTHEST}))"
    )
}
