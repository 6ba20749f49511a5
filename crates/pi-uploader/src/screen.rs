//! What people see of a run: boxes and lines, in their language.

use std::io::Write as _;
use std::time::Duration;

use sync_core::logging;

use crate::deliver::{Delivery, Job};
use crate::lang::Lang;
use crate::settings::{Mode, Settings};
use crate::source::Kind;

/// Width of the text in a box at least, in characters.
const WIDTH: usize = 60;
/// And at most; longer lines stand out.
const WIDEST: usize = 120;
/// Rows that have a line each; behind them one in [`EVERY`] has.
const LINES: u64 = 100;
const EVERY: u64 = 100;

/// The standard error, as far as it is wanted.
#[derive(Debug)]
pub(crate) struct Screen {
    lang: Lang,
    n_rows: u64,
}

/// What runs have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Sent and failed.
    pub(crate) events: (u64, u64),
    /// Sent and failed.
    pub(crate) media: (u64, u64),
    /// Rows that the server does not have.
    pub(crate) n_waiting: u64,
    pub(crate) duration: Duration,
    /// Runs that are counted here.
    pub(crate) n_runs: u64,
}

impl Tally {
    /// Adds what another run has done.
    pub(crate) fn add(&mut self, run: &Tally) {
        let sum = |a: (u64, u64), b: (u64, u64)| (a.0 + b.0, a.1 + b.1);
        self.events = sum(self.events, run.events);
        self.media = sum(self.media, run.media);
        self.n_waiting = run.n_waiting;
        self.duration += run.duration;
        self.n_runs += 1;
    }

    /// Counts a row's end.
    pub(crate) fn count(&mut self, kind: Kind, is_sent: bool) {
        let counts = match kind {
            Kind::Event => &mut self.events,
            Kind::Media => &mut self.media,
        };
        *(if is_sent { &mut counts.0 } else { &mut counts.1 }) += 1;
    }
}

impl Screen {
    pub(crate) fn new(lang: Lang) -> Screen {
        Screen { lang, n_rows: 0 }
    }

    /// Who sends what to whom.
    pub(crate) fn start(&self, settings: &Settings, mode: Mode) {
        let lang = self.lang;
        let minutes = settings.interval.as_secs() / 60;
        let lines = [
            (lang.of("Appareil", "Device"), settings.device.clone()),
            (lang.of("Base de données", "Database"), settings.db.display().to_string()),
            (lang.of("Serveur", "Server"), settings.server()),
            (lang.of("Intervalle", "Interval"), format!("{minutes} min")),
            ("Mode", mode.name().to_owned()),
        ];
        show_box(
            lang.of("Synchronisation Raspberry Pi → Serveur", "Synchronisation Raspberry Pi → server"),
            &lines,
        );
    }

    /// Our tables are there.
    pub(crate) fn ready(&self) {
        show(self.lang.of("✅ Table de suivi prête", "✅ Tracking table ready"));
    }

    /// How much is to be sent.
    pub(crate) fn backlog(&mut self, n_events: usize, n_media: usize, is_part: bool, n_waiting: u64) {
        self.n_rows = 0;
        if n_events + n_media == 0 {
            return show(&match (self.lang, n_waiting) {
                (Lang::Fr, 0) => "✅ Tout est déjà synchronisé".to_owned(),
                (Lang::En, 0) => "✅ Everything has been sent already".to_owned(),
                (Lang::Fr, n) => {
                    format!("⏳ Rien à envoyer pour l'instant : {n} en attente de leur prochain essai")
                }
                (Lang::En, n) => format!("⏳ Nothing is due: {n} wait for their next attempt"),
            });
        }
        let more = if is_part { "+" } else { "" };
        show(&match self.lang {
            Lang::Fr => format!("📤 À envoyer : {n_events}{more} événements, {n_media} médias"),
            Lang::En => format!("📤 To send: {n_events}{more} events, {n_media} media"),
        });
    }

    /// What became of a row.
    pub(crate) fn row(&mut self, job: &Job, delivery: &Delivery) {
        self.n_rows += 1;
        let is_shown =
            self.n_rows < LINES || self.n_rows.is_multiple_of(EVERY) || log::log_enabled!(log::Level::Debug);
        let (name, id) = (self.name(job.kind), job.id);
        match delivery {
            Delivery::Done { remote_id } => {
                if is_shown {
                    let remote = remote_id.map_or("?".to_owned(), |id| id.to_string());
                    let server = self.lang.of("Serveur", "Server");
                    show(&format!("✅ {name} {id} → {server} (ID: {remote})"));
                }
                if remote_id.is_none() {
                    log::warn!("{} {id}: the server took it without saying its id", job.kind.table());
                }
            }
            Delivery::Later { reason, .. }
            | Delivery::Refused { reason, .. }
            | Delivery::Unauthorized { reason } => {
                show(&format!("❌ {name} {id} : {reason}"));
            }
            Delivery::Unreachable { reason } => {
                show(&format!("❌ {name} {id} : {}", unreachable(self.lang, reason)));
            }
        }
    }

    /// A row that cannot be sent.
    pub(crate) fn misfit(&self, kind: Kind, id: i64, reason: &str) {
        show(&format!("❌ {} {id} : {reason}", self.name(kind)));
    }

    fn name(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Event => self.lang.of("Événement", "Event"),
            Kind::Media => self.lang.of("Média", "Media"),
        }
    }

    /// The end of a run.
    pub(crate) fn report(&self, tally: &Tally) {
        show_box(self.lang.of("Rapport de Synchronisation", "Synchronisation report"), &self.lines(tally));
    }

    /// The end of all runs.
    pub(crate) fn statistics(&self, tally: &Tally) {
        let mut lines = vec![(self.lang.of("Synchronisations", "Runs"), tally.n_runs.to_string())];
        lines.extend(self.lines(tally));
        show_box(self.lang.of("Statistiques finales", "Final statistics"), &lines);
    }

    fn lines(&self, tally: &Tally) -> Vec<(&'static str, String)> {
        let lang = self.lang;
        let counts = |(sent, failed): (u64, u64)| match lang {
            Lang::Fr => format!("{sent} envoyés, {failed} échoués"),
            Lang::En => format!("{sent} sent, {failed} failed"),
        };
        vec![
            (lang.of("Événements", "Events"), counts(tally.events)),
            (lang.of("Médias", "Media"), counts(tally.media)),
            (lang.of("En attente", "Waiting"), tally.n_waiting.to_string()),
            (lang.of("Durée", "Duration"), format!("{:.1} s", tally.duration.as_secs_f64())),
        ]
    }
}

/// Why a row could not even be tried.
pub(crate) fn unreachable(lang: Lang, reason: &str) -> String {
    format!("{}: {reason}", lang.of("Serveur inaccessible", "Server unreachable"))
}

/// A box as wide as its longest line.
fn show_box(title: &str, lines: &[(&str, String)]) {
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name:<16}: {value}")).collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let width = longest.clamp(WIDTH, WIDEST);
    let bar = "═".repeat(width + 2);
    show(&format!("╔{bar}╗\n║ {title:<width$} ║\n╠{bar}╣"));
    for line in lines {
        show(&format!("║ {line:<width$} ║"));
    }
    show(&format!("╚{bar}╝"));
}

/// A line on standard error, and in the log file if there is one.
fn show(line: &str) {
    if !log::log_enabled!(log::Level::Info) {
        return;
    }
    logging::progress().suspend(|| {
        // Nobody to tell that nobody listens.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    });
    logging::keep(line);
}
