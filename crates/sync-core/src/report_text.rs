//! The report in words for people, and as JSON for programs.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::report::{COUNTS, Count, Report};

impl Report {
    /// The report for people: one line, and one more for each source set aside; no newline at the end.
    pub fn summary(&self) -> String {
        let data = self.data();
        let (_, duration, exit) = data.end();
        let mut counts = Vec::new();
        for ((count, name), n) in COUNTS.iter().zip(data.counts) {
            if n > 0 || matches!(count, Count::Read | Count::Written) {
                counts.push(format!("{name} {n}"));
            }
        }
        counts.extend((data.set_aside > 0).then(|| format!("set aside {}", data.set_aside)));
        counts.extend(
            data.notes
                .iter()
                .filter(|(_, n)| *n > 0)
                .map(|(name, n)| format!("{} {n}", name.replace('_', " "))),
        );
        let mut who = data.tool.to_owned();
        if !data.source.is_empty() {
            who = format!("{who} {}", data.source);
        }
        let mut text = format!("{who}: {} {}: {}", ending(exit), human(duration), counts.join(", "));
        for (source, reason) in &data.failed {
            text.push_str(&format!("\n  set aside: {source}: {reason}"));
        }
        text
    }

    /// The report for programs: one JSON object on one line.
    pub fn json(&self) -> String {
        let data = self.data();
        let (finished_at, duration, exit) = data.end();
        let mut object = Map::new();
        object.insert("tool".into(), data.tool.into());
        object.insert("source".into(), data.source.clone().into());
        object.insert("started_at".into(), timestamp(data.started_at).into());
        object.insert("finished_at".into(), timestamp(finished_at).into());
        object.insert("duration_s".into(), json!((duration.as_secs_f64() * 1000.0).round() / 1000.0));
        for ((_, name), n) in COUNTS.iter().zip(data.counts) {
            object.insert((*name).into(), n.into());
        }
        object.insert("set_aside".into(), data.set_aside.into());
        for (name, n) in data.notes.iter().filter(|(_, n)| *n > 0) {
            object.insert((*name).into(), (*n).into());
        }
        let failed = data.failed.iter().map(|(source, reason)| json!({"source": source, "reason": reason}));
        object.insert("failed".into(), failed.collect());
        object.insert("error".into(), data.error.clone().into());
        object.insert("exit_code".into(), exit.code().into());
        Value::Object(object).to_string()
    }
}

fn ending(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done in",
        Exit::Partial => "done with exceptions in",
        Exit::Temporary => "not finished after",
        Exit::Failed | Exit::Usage | Exit::Config => "failed after",
    }
}

fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(exit: Exit) -> Report {
        let report = Report::new("sqlite2pg", "main");
        report.add(Count::Read, 600);
        report.add(Count::Read, 400);
        report.add(Count::Written, 990);
        report.add(Count::Duplicates, 8);
        report.add(Count::Rejected, 2);
        report.note("cut_to_microseconds", 0);
        report.finish(exit);
        let fixed = (Timestamp::UNIX_EPOCH, Duration::from_millis(1_300), exit);
        report.lock().finished = Some(fixed);
        report.lock().started_at = Timestamp::UNIX_EPOCH;
        report
    }

    #[test]
    fn summary_is_one_line() {
        assert_eq!(
            sample(Exit::Done).summary(),
            "sqlite2pg main: done in 1.3 s: read 1000, written 990, duplicates 8, rejected 2"
        );
        let idle = Report::new("tool", "");
        assert!(idle.summary().starts_with("tool: done in 0.0 s: read 0, written 0"));
    }

    #[test]
    fn summary_lists_what_was_set_aside() {
        let report = sample(Exit::Partial);
        report.set_rejected_remaining(5);
        report.note("cut_to_microseconds", 3);
        report.fail_source("2026_01_02.db", "locked");
        report.fail_source("2026_01_02.db", "file is not a database");
        assert_eq!(report.failed_sources().len(), 1);
        assert_eq!(report.exit(), Exit::Partial);
        assert_eq!(
            report.summary(),
            "sqlite2pg main: done with exceptions in 1.3 s: read 1000, written 990, duplicates 8, rejected 2, \
             set aside 5, cut to microseconds 3\n  set aside: 2026_01_02.db: file is not a database"
        );
    }

    #[test]
    fn json_has_every_key() {
        let report = sample(Exit::Failed);
        report.note("cut_to_microseconds", 3);
        report.fail_source("a.db", "broken");
        report.set_error("writing to postgres://u:hunter2@h/d: refused");
        let object: Value = serde_json::from_str(&report.json()).unwrap();
        let expected = json!({
            "tool": "sqlite2pg", "source": "main",
            "started_at": "1970-01-01T00:00:00.000Z", "finished_at": "1970-01-01T00:00:00.000Z", "duration_s": 1.3,
            "read": 1000, "written": 990, "unchanged": 0, "duplicates": 8, "rejected": 2, "skipped": 0,
            "set_aside": 0, "cut_to_microseconds": 3, "failed": [{"source": "a.db", "reason": "broken"}],
            "error": "writing to postgres://u:***@h/d: refused", "exit_code": 1,
        });
        assert_eq!(object, expected);
    }

    #[test]
    fn durations_for_people() {
        let texts = [1_300, 125_000, 7_380_000].map(|ms| human(Duration::from_millis(ms)));
        assert_eq!(texts, ["1.3 s", "2 min 5 s", "2 h 3 min"]);
    }
}
