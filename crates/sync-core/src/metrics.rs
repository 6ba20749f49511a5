//! The report in the text format of Prometheus.

use std::fmt::Display;

use jiff::Timestamp;

use crate::exit::Exit;
use crate::report::{COUNTS, Count, Report};

impl Report {
    /// The last run as metrics for node_exporter's textfile collector; durations in seconds, times in Unix seconds.
    ///
    /// `sync_last_success_timestamp_seconds` is present only after exit code 0.
    pub fn prometheus(&self) -> String {
        let data = self.data();
        let (finished_at, duration, exit) = data.end();
        let labels = format!("tool=\"{}\",source=\"{}\"", escape(data.tool), escape(&data.source));
        let mut text = String::new();
        let mut gauge = |name: &str, help: &str, value: &dyn Display| {
            text.push_str(&format!(
                "# HELP sync_{name} {help}\n# TYPE sync_{name} gauge\nsync_{name}{{{labels}}} {value}\n"
            ));
        };
        for ((_, name), n) in COUNTS.iter().zip(data.counts) {
            gauge(&format!("rows_{name}_total"), &format!("Rows counted as {name} by the last run."), &n);
        }
        for (name, n) in &data.notes {
            gauge(name, "Counted by the last run.", n);
        }
        let [n_read, n_rejected] = [Count::Read, Count::Rejected].map(|count| data.counts[count as usize]);
        let ratio = if n_read == 0 { 1.0 } else { 1.0 - n_rejected as f64 / n_read as f64 };
        gauge("success_ratio", "Part of the rows read by the last run that was not set aside.", &ratio);
        gauge("rows_set_aside", "Rows that remain set aside.", &data.set_aside);
        gauge("sources_failed", "Sources that the last run set aside.", &data.failed.len());
        gauge("last_run_duration_seconds", "Duration of the last run.", &duration.as_secs_f64());
        gauge("last_run_timestamp_seconds", "End of the last run.", &unix_seconds(finished_at));
        if exit == Exit::Done {
            gauge(
                "last_success_timestamp_seconds",
                "End of the last run with exit code 0.",
                &unix_seconds(finished_at),
            );
        }
        gauge("last_run_exit_code", "Exit code of the last run.", &exit.code());
        text
    }
}

fn unix_seconds(at: Timestamp) -> String {
    format!("{}.{:03}", at.as_second(), at.subsec_millisecond())
}

/// A label value as <https://prometheus.io/docs/instrumenting/exposition_formats/> asks for it.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escape("C:\\a \"b\"\nc"), r#"C:\\a \"b\"\nc"#);
    }

    #[test]
    fn metrics_of_a_good_and_a_bad_run() {
        let report = Report::new("tool", "a\"b");
        report.add(Count::Read, 8);
        report.add(Count::Rejected, 2);
        report.note("repaired_texts", 3);
        report.finish(Exit::Done);
        let text = report.prometheus();
        assert!(text.contains("\nsync_repaired_texts{tool=\"tool\",source=\"a\\\"b\"} 3\n"), "{text}");
        assert!(text.contains("\nsync_success_ratio{tool=\"tool\",source=\"a\\\"b\"} 0.75\n"), "{text}");
        assert!(text.contains(
            "# TYPE sync_rows_read_total gauge\nsync_rows_read_total{tool=\"tool\",source=\"a\\\"b\"} 8\n"
        ));
        assert!(text.contains("\nsync_last_success_timestamp_seconds{"));
        assert!(text.contains("\nsync_last_run_exit_code{tool=\"tool\",source=\"a\\\"b\"} 0\n"));
        report.finish(Exit::Temporary);
        let text = report.prometheus();
        assert!(!text.contains("last_success"));
        assert!(text.contains("} 75\n"));
        assert!(
            text.lines()
                .all(|line| line.starts_with('#') || line.rsplit_once(' ').unwrap().1.parse::<f64>().is_ok())
        );
    }
}
