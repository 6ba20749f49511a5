//! The recorder's database: what it holds, which rows were not sent, and what is sent of a row.

pub(crate) mod mapping;
pub(crate) mod references;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod unsent;
pub(crate) mod video;

/// The two kinds of rows, by the names that they have in tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Something that a sensor saw.
    Event,
    /// A video.
    Media,
}

impl Kind {
    /// Its name in tracking.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Kind::Event => "evenement",
            Kind::Media => "media",
        }
    }
}
